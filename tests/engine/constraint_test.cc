// Answers under a grammar, of a model whose own words are noise.
#include "text/grammar/constraint.h"

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/request_check.h"
#include "tests/engine/tiny_engine.h"

namespace dure::engine {
namespace {

using testing::MakeTinyEngine;
using testing::RandomTokens;
using testing::Start;
using testing::TinyEngine;
using testing::TinyModelPath;

std::shared_ptr<const text::TokenVocabulary> TinyVocabulary() {
  const auto file = formats::GgufFile::Open(TinyModelPath());
  const auto tokenizer = text::Tokenizer::FromGguf(**file);
  return std::make_shared<const text::TokenVocabulary>(**tokenizer);
}

GenerateRequest Constrained(const std::string& schema, uint64_t seed) {
  text::JsonSchemaOptions options;
  options.max_whitespace = 1;
  const auto grammar = text::Grammar::FromJsonSchema(schema, TinyVocabulary(), options);
  EXPECT_TRUE(grammar.has_value()) << grammar.error().message;
  GenerateRequest request;
  request.prompt = RandomTokens(12, static_cast<uint32_t>(seed));
  request.sampling.seed = seed;
  request.constraint = (*grammar)->NewConstraint();
  return request;
}

constexpr char kSchema[] =
    R"({"type":"object","properties":{"a":{"enum":["red","green"]},"b":{"type":"array",
    "items":{"type":"boolean"},"minItems":1,"maxItems":3}},"required":["a","b"],
    "additionalProperties":false})";

TEST(EngineConstraint, AnswersFitTheSchemaWhateverTheSampling) {
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 2);
  std::vector<std::shared_ptr<testing::RecordingSink>> sinks;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    GenerateRequest request = Constrained(kSchema, seed);
    request.sampling.temperature = seed % 3 == 0 ? 0.0f : 1.5f;
    request.sampling.top_p = seed % 3 == 1 ? 0.5f : 1.0f;
    request.sampling.typical_p = seed % 4 == 1 ? 0.5f : 1.0f;
    request.sampling.repetition_penalty = 1.1f;
    request.top_logprobs = 3;
    sinks.push_back(Start(*tiny.engine, request));
  }
  for (const auto& sink : sinks) {
    EXPECT_EQ(sink->WaitForFinish().reason, FinishReason::kStop);
    const auto json = nlohmann::json::parse(sink->text(), nullptr, false);
    ASSERT_TRUE(json.is_object()) << sink->text();
    EXPECT_EQ(json.size(), 2u);
    EXPECT_TRUE(json["a"] == "red" || json["a"] == "green");
    ASSERT_TRUE(json["b"].is_array());
    EXPECT_LE(json["b"].size(), 3u);
    // Log-probabilities stay those of the model alone.
    for (const TokenEvent& event : sink->events()) EXPECT_EQ(event.top.size(), 3u);
  }
}

TEST(EngineConstraint, SpeculationChangesNothing) {
  const auto run = [](Speculation speculation, uint64_t seed, EngineStats& stats) {
    EngineOptions options;
    options.speculation = speculation;
    const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 1, options);
    GenerateRequest request =
        Constrained(R"({"type":"array","items":{"const":true},"minItems":16,"maxItems":16})", seed);
    request.sampling.temperature = 0.7f;
    const auto sink = Start(*tiny.engine, request);
    EXPECT_EQ(sink->WaitForFinish().reason, FinishReason::kStop);
    stats = tiny->stats();
    return sink->ids();
  };
  EngineStats off;
  EngineStats on;
  for (const uint64_t seed : {1, 2}) {
    EXPECT_EQ(run(Speculation::kOff, seed, off), run(Speculation::kNgram, seed, on));
  }
  EXPECT_EQ(off.drafted_tokens, 0u);
  EXPECT_GT(on.drafted_tokens, 0u);
}

TEST(EngineConstraint, ALimitCutsTheAnswer) {
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 1);
  GenerateRequest request = Constrained(kSchema, 1);
  request.max_tokens = 5;
  const auto sink = Start(*tiny.engine, request);
  EXPECT_EQ(sink->WaitForFinish().reason, FinishReason::kLength);
  EXPECT_EQ(sink->events().size(), 5u);
}

TEST(EngineConstraint, GoesWithNothingThatForcesTokens) {
  GenerateRequest request = Constrained(kSchema, 1);
  EXPECT_TRUE(CheckRequest(request, {}, 258, 256).has_value());
  request.ignore_eos = true;
  EXPECT_FALSE(CheckRequest(request, {}, 258, 256).has_value());
  request.ignore_eos = false;
  request.forced = {1};
  EXPECT_FALSE(CheckRequest(request, {}, 258, 256).has_value());
}

}  // namespace
}  // namespace dure::engine
