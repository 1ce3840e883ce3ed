// A grammar, a zero byte, a text: nothing crashes, the work is bounded, and masks are what Advance
// takes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tests/text/constraints.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dure::text;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t zero = std::min(input.find('\0'), input.size());
  const std::string_view text = input.substr(std::min(zero + 1, input.size()));
  GrammarLimits limits;
  limits.nfa_states = 2000;
  limits.gbnf_rules = 100;
  limits.parallel_states = 200;
  const auto grammar = Grammar::FromGbnf(input.substr(0, zero), JsonVocabulary(), limits);
  if (!grammar || text.size() > 400) return 0;
  if (!Writes(**grammar, text)) std::abort();
  return 0;
}
