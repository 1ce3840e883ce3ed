// A schema, a zero byte, a text: nothing crashes, the work is bounded, masks are what Advance
// takes, and what is written is JSON without a name twice.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/text/constraints.h"
#include "text/grammar/constraint.h"
#include "text/grammar/json_document.h"

namespace {

using namespace dure::text;

void Require(bool condition) {
  if (!condition) std::abort();
}

JsonSchemaOptions SmallOptions() {
  JsonSchemaOptions options;
  options.max_whitespace = 8;
  options.allow_nothing = true;
  options.limits.source_bytes = 4096;
  options.limits.dfa_states = 2000;
  options.limits.nfa_states = 4000;
  options.limits.dfa_entries = 100'000;
  options.limits.alternatives = 100;
  options.limits.expansions = 2000;
  options.limits.nodes = 500;
  options.limits.document_depth = 50;
  return options;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t zero = std::min(input.find('\0'), input.size());
  const std::string_view text = input.substr(std::min(zero + 1, input.size()));
  const auto grammar =
      Grammar::FromJsonSchema(input.substr(0, zero), JsonVocabulary(), SmallOptions());
  if (!grammar || text.size() > 400) return 0;
  const auto writes = Writes(**grammar, text);
  Require(writes.has_value());
  if (*writes) Require(ParseJsonDocument(text, 60).has_value());
  return 0;
}
