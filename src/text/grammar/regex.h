// Regular expressions as JSON Schema writes them: the regular part of ECMA-262 (with the u flag),
// compiled to a DFA. What is not regular (backreferences) or not done (lookaround, word boundaries)
// is refused, never approximated.
#pragma once

#include <string_view>

#include "base/error.h"
#include "text/grammar/dfa.h"
#include "text/grammar/limits.h"

namespace dure::text {

enum class RegexMatch {
  kSearch,  // anywhere in the text, unless ^ and $ say otherwise
  kWhole,   // the whole text
};

/// The time is bounded by the limits. Errors: kInvalidArgument (syntax, a limit), kUnsupported (the
/// construct is named); the message holds the byte offset.
Result<Dfa> CompileRegex(std::string_view pattern, RegexMatch match, const GrammarLimits& limits);

}  // namespace dure::text
