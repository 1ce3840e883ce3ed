// The engine's half of the numerics contract: what a request gets does not depend on who else is
// there, on how its prompt is cut, on threads, or on preemption. Compared bit by bit.
#include <gtest/gtest.h>

#include <bit>
#include <functional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "models/kv_storage.h"
#include "models/registry.h"
#include "tests/engine/tiny_engine.h"

namespace dure::engine {
namespace {

using testing::EventBits;
using testing::MakeTinyEngine;
using testing::RandomTokens;
using testing::RecordingSink;
using testing::Start;
using testing::TinyEngine;
using testing::TinyModelPath;

struct Kind {
  const char* name;
  std::function<void(SamplingParams&)> set;
};

std::vector<Kind> Kinds() {
  return {{"greedy", [](SamplingParams& p) { p.temperature = 0; }},
          {"plain", [](SamplingParams& p) { p.seed = 1; }},
          {"truncated",
           [](SamplingParams& p) {
             p.seed = ~uint64_t{0};
             p.temperature = 0.8f;
             p.top_k = 50;
             p.typical_p = 0.95f;
             p.top_p = 0.9f;
             p.min_p = 0.01f;
           }},
          {"penalised", [](SamplingParams& p) {
             p.seed = 3;
             p.choice = 2;
             p.repetition_penalty = 1.2f;
             p.presence_penalty = 0.5f;
             p.frequency_penalty = 0.25f;
             p.logit_bias = {{65, 2.0f}, {10, -5.0f}};
           }}};
}

/// The request under observation: a prompt over several blocks, an answer over one more.
GenerateRequest Observed(const Kind& kind) {
  GenerateRequest request;
  request.prompt = RandomTokens(75, 42);
  kind.set(request.sampling);
  request.max_tokens = 40;
  request.ignore_eos = true;
  request.top_logprobs = 3;
  return request;
}

GenerateRequest Other(uint32_t seed) {
  GenerateRequest request;
  request.prompt = RandomTokens(static_cast<int>(1 + seed * 13 % 90), 1000 + seed);
  request.sampling.seed = seed;
  request.max_tokens = static_cast<int>(10 + seed * 7 % 40);
  request.ignore_eos = true;
  return request;
}

/// Ids and the bits of every log-probability.
std::vector<uint32_t> Bits(RecordingSink& sink) {
  EXPECT_NE(sink.WaitForFinish().reason, FinishReason::kError);
  return EventBits(sink.events());
}

class Invariance : public ::testing::TestWithParam<Kind> {
 protected:
  /// Alone, one thread, the whole prompt in one step.
  static std::vector<uint32_t> Reference(const Kind& kind) {
    const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 1);
    std::vector<uint32_t> bits = Bits(*Start(*tiny.engine, Observed(kind)));
    EXPECT_EQ(bits.size(), 40u * 8);
    return bits;
  }
};

TEST_P(Invariance, Threads) {
  const std::vector<uint32_t> reference = Reference(GetParam());
  for (const int threads : {2, 3}) {
    const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), threads);
    EXPECT_EQ(Bits(*Start(*tiny.engine, Observed(GetParam()))), reference) << threads;
  }
}

TEST_P(Invariance, ChunksOfSevenTokens) {
  EngineOptions options;
  options.step_token_budget = 7;
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 2, options);
  EXPECT_EQ(Bits(*Start(*tiny.engine, Observed(GetParam()))), Reference(GetParam()));
}

TEST_P(Invariance, AmongSixteenOthers) {
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 2);
  std::vector<std::shared_ptr<RecordingSink>> others;
  for (uint32_t i = 0; i < 8; ++i) others.push_back(Start(*tiny.engine, Other(i)));
  const auto observed = Start(*tiny.engine, Observed(GetParam()));
  for (uint32_t i = 8; i < 16; ++i) others.push_back(Start(*tiny.engine, Other(i)));
  EXPECT_EQ(Bits(*observed), Reference(GetParam()));
  for (const auto& other : others) other->WaitForFinish();
  EXPECT_EQ(tiny->stats().blocks_used, 0);
}

TEST_P(Invariance, OthersComeAndGoWhileItDecodes) {
  EngineOptions options;
  options.step_token_budget = 16;
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 2, options);
  const auto observed = Start(*tiny.engine, Observed(GetParam()));
  for (uint32_t i = 0; i < 4; ++i) {
    observed->WaitForTokens(5 + i * 5);
    RequestId id = 0;
    const auto other = Start(*tiny.engine, Other(i), &id);
    other->WaitForTokens(3);
    if (i % 2 == 0) tiny->Cancel(id);
  }
  EXPECT_EQ(Bits(*observed), Reference(GetParam()));
}

TEST_P(Invariance, Preemption) {
  // Eight blocks of 32 positions. The older request ends with five, the observed one with four: in
  // the middle of its answer it has to give up its blocks and is computed again from the start.
  const auto file = formats::GgufFile::Open(TinyModelPath());
  ASSERT_TRUE(file);
  EngineOptions options;
  options.kv_bytes =
      8 * models::KvStorage::BlockBytes(*models::ReadConfig(**file), numerics::CacheType::kF16);
  options.speculation = Speculation::kOff;  // both at their own pace
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 2, options);
  GenerateRequest growing = Other(1);
  growing.prompt = RandomTokens(100, 7);
  growing.max_tokens = 60;
  growing.ignore_eos = true;
  const auto older = std::make_shared<testing::HoldingSink>();
  ASSERT_TRUE(tiny->Submit(growing, older));
  older->WaitForTokens(1);
  const auto observed = Start(*tiny.engine, Observed(GetParam()));
  older->Release();
  EXPECT_EQ(Bits(*observed), Reference(GetParam()));
  older->WaitForFinish();
  EXPECT_EQ(tiny->stats().blocks_used, 0);
  EXPECT_GT(tiny->stats().preemptions, 0u);
}

TEST_P(Invariance, ScoringGivesTheBitsOfGenerating) {
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 2);
  const auto generated = Start(*tiny.engine, Observed(GetParam()));
  const std::vector<uint32_t> bits = Bits(*generated);
  GenerateRequest score;
  score.prompt = Observed(GetParam()).prompt;
  score.forced = generated->ids();
  score.top_logprobs = 3;
  const auto scored = Start(*tiny.engine, score);
  EXPECT_EQ(Bits(*scored), bits);
  EXPECT_EQ(scored->text(), generated->text());
}

INSTANTIATE_TEST_SUITE_P(Sampling, Invariance, ::testing::ValuesIn(Kinds()),
                         [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace dure::engine
