// The syntax tree of a regular expression.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/grammar/code_point_set.h"
#include "text/grammar/limits.h"

namespace dure::text {

struct RegexNode {
  enum class Kind { kSet, kSequence, kChoice, kRepeat, kTextStart, kTextEnd };
  Kind kind = Kind::kSequence;
  CodePointSet set;                                  // kSet
  std::vector<std::unique_ptr<RegexNode>> children;  // kRepeat: one
  int64_t min = 0;                                   // kRepeat
  int64_t max = -1;                                  // kRepeat; -1: without end
};

/// Errors: as CompileRegex.
Result<std::unique_ptr<RegexNode>> ParseRegex(std::string_view pattern,
                                              const GrammarLimits& limits);

/// What \p{name} stands for. Errors: kUnsupported.
Result<CodePointSet> UnicodeProperty(std::string_view name);

}  // namespace dure::text
