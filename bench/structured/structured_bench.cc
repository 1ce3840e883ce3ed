// usage: structured_bench MODEL.gguf < CASES > RESULTS
//
// Each line of CASES: {"name": ..., "schema": "<JSON text>", "tests": [{"text": ..., "valid":
// ...}]}. For each, one line: {"name", "error" or "compile_ms", "accepted": [...],
// "disagreements"}. The last line holds the times of all masks. run.py makes the cases and reads
// the results.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "formats/gguf.h"
#include "text/grammar/constraint.h"
#include "text/tokenizer.h"

namespace dure::text {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

double MicrosecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

struct Totals {
  std::vector<float> mask_us;
  std::vector<float> compile_ms;
};

class Bench {
 public:
  explicit Bench(std::unique_ptr<Tokenizer> tokenizer)
      : tokenizer_(std::move(tokenizer)),
        vocabulary_(std::make_shared<const TokenVocabulary>(*tokenizer_)) {}

  Json RunCase(const Json& input) {
    Json output = {{"name", input["name"]}};
    const auto begin = Clock::now();
    JsonSchemaOptions options;
    options.allow_nothing = true;
    const auto grammar = Grammar::FromJsonSchema(input["schema"].get_ref<const std::string&>(),
                                                 vocabulary_, options);
    const double compile_ms = MicrosecondsSince(begin) / 1000;
    totals.compile_ms.push_back(static_cast<float>(compile_ms));
    output["compile_ms"] = compile_ms;
    if (!grammar) {
      output["error"] = grammar.error().message;
      return output;
    }
    disagreements_ = 0;
    output["accepted"] = Json::array();
    for (const Json& test : input["tests"]) {
      output["accepted"].push_back(Accepts(**grammar, test["text"].get_ref<const std::string&>()));
    }
    if (disagreements_ > 0) output["disagreements"] = disagreements_;
    return output;
  }

  Totals totals;

 private:
  bool Accepts(const Grammar& grammar, const std::string& document) {
    const auto constraint = grammar.NewConstraint();
    TokenBits mask(vocabulary_->words());
    for (const TokenId token : Tokens(document)) {
      const auto begin = Clock::now();
      constraint->Mask(mask);
      const double us = MicrosecondsSince(begin);
      totals.mask_us.push_back(static_cast<float>(us));
      const bool allowed = HasToken(mask, token);
      const bool taken = constraint->Advance(token);
      if (allowed != taken) ++disagreements_;
      if (!allowed || !taken) return false;
    }
    return constraint->MayEnd();
  }

  std::vector<TokenId> Tokens(const std::string& document) const {
    std::vector<TokenId> tokens = tokenizer_->Encode(document, ControlTokens::kAsText);
    std::string spelt;
    for (const TokenId token : tokens) spelt += vocabulary_->Bytes(token);
    return spelt == document ? tokens : vocabulary_->Spell(document);
  }

  std::unique_ptr<Tokenizer> tokenizer_;
  std::shared_ptr<const TokenVocabulary> vocabulary_;
  int disagreements_ = 0;
};

Json Summary(std::vector<float> values) {
  if (values.empty()) return nullptr;
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1))];
  };
  double sum = 0;
  for (const float value : values) sum += value;
  return {{"count", values.size()}, {"mean", sum / static_cast<double>(values.size())},
          {"median", at(0.5)},      {"p90", at(0.9)},
          {"p99", at(0.99)},        {"p99.9", at(0.999)},
          {"max", values.back()}};
}

int Main(const char* path) {
  const auto file = formats::GgufFile::Open(path);
  if (!file) {
    std::cerr << file.error().message << "\n";
    return 1;
  }
  auto tokenizer = Tokenizer::FromGguf(**file);
  if (!tokenizer) {
    std::cerr << tokenizer.error().message << "\n";
    return 1;
  }
  const auto begin = Clock::now();
  const int vocab_size = (*tokenizer)->vocab_size();
  Bench bench(std::move(*tokenizer));
  const double vocabulary_ms = MicrosecondsSince(begin) / 1000;
  std::string line;
  while (std::getline(std::cin, line)) {
    const Json input = Json::parse(line, nullptr, false);
    if (input.is_object()) std::cout << bench.RunCase(input).dump() << std::endl;
  }
  std::cout << Json({{"summary",
                      {{"vocab_size", vocab_size},
                       {"vocabulary_ms", vocabulary_ms},
                       {"mask_us", Summary(bench.totals.mask_us)},
                       {"compile_ms", Summary(bench.totals.compile_ms)}}}})
                   .dump()
            << std::endl;
  return 0;
}

}  // namespace
}  // namespace dure::text

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: structured_bench MODEL.gguf < CASES > RESULTS\n";
    return 2;
  }
  return dure::text::Main(argv[1]);
}
