// A pattern, a zero byte, a text: nothing crashes, the work is bounded, and the masks say what the
// automaton says.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tests/text/constraints.h"
#include "text/grammar/regex.h"
#include "text/unicode.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dure::text;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t zero = std::min(input.find('\0'), input.size());
  const std::string_view pattern = input.substr(0, zero);
  const std::string_view text = input.substr(std::min(zero + 1, input.size()));
  GrammarLimits limits;
  limits.dfa_states = 2000;
  limits.nfa_states = 4000;
  limits.dfa_entries = 100'000;
  const auto dfa = CompileRegex(pattern, RegexMatch::kWhole, limits);
  const auto search = CompileRegex(pattern, RegexMatch::kSearch, limits);
  if (!dfa || text.size() > 400) return 0;
  const bool whole = dfa->Match(text) != Dfa::kDead;
  if (whole && search && search->Match(text) == Dfa::kDead) std::abort();
  const auto grammar = Grammar::FromRegex(pattern, JsonVocabulary(), limits);
  if (!grammar) return 0;
  const auto writes = Writes(**grammar, text);
  if (!writes) std::abort();
  size_t valid = 0;
  while (valid < text.size()) {
    const size_t step = StrictCharLength(text, valid);
    if (step == 0) break;
    valid += step;
  }
  if (valid == text.size() ? *writes != whole : *writes) std::abort();
  return 0;
}
