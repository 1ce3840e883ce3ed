// Context-free grammars in GBNF, the format of llama.cpp (grammars/README.md there), as networks of
// states that call each other's rules.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/grammar/code_point_set.h"
#include "text/grammar/limits.h"

namespace dure::text {

struct GbnfNetwork {
  enum class Kind : uint8_t {
    kRead,    // a code point of sets[what], then `to`
    kSplit,   // nothing, then `to` or `other`
    kCall,    // rules[what], then `to`
    kReturn,  // the end of a rule
  };
  struct State {
    Kind kind = Kind::kReturn;
    int32_t what = -1;
    int32_t to = -1;
    int32_t other = -1;
    bool productive = false;  // a way to the end of its rule exists
  };
  std::vector<State> states;
  std::vector<CodePointSet> sets;
  std::vector<int32_t> rules;  // first state of each
  int32_t root = 0;            // a rule
};

/// Errors: kInvalidArgument (syntax, an undefined rule, left recursion, a limit, a root that
/// derives no text), kUnsupported (tokens in grammars); the message names line or rule.
Result<GbnfNetwork> CompileGbnf(std::string_view source, const GrammarLimits& limits);

}  // namespace dure::text
