// Early return for loaders, which are long lists of steps that may fail.
#pragma once

/// target = *expression, or return its error.
#define DURE_ASSIGN(target, expression)                           \
  do {                                                            \
    auto dure_result = (expression);                              \
    if (!dure_result) return tl::unexpected(dure_result.error()); \
    (target) = *std::move(dure_result);                           \
  } while (false)

/// Return the expression's error, if it has one.
#define DURE_CHECK_RESULT(expression)                             \
  do {                                                            \
    auto dure_result = (expression);                              \
    if (!dure_result) return tl::unexpected(dure_result.error()); \
  } while (false)
