// An answer that was cut off and goes on has the tokens and the text it would have had.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/engine.h"
#include "tests/engine/tiny_engine.h"

namespace dure::engine {
namespace {

using testing::MakeTinyEngine;
using testing::RandomTokens;
using testing::Start;
using testing::TinyEngine;
using testing::TinyModelPath;

std::vector<SamplingParams> Samplings() {
  SamplingParams greedy;
  greedy.temperature = 0;
  SamplingParams plain;
  plain.seed = 7;
  // Its penalties look at what was generated, apart from the prompt.
  SamplingParams penalised;
  penalised.seed = 3;
  penalised.repetition_penalty = 1.2f;
  penalised.presence_penalty = 0.5f;
  penalised.frequency_penalty = 0.25f;
  return {greedy, plain, penalised};
}

GenerateRequest Wanted(const SamplingParams& sampling) {
  GenerateRequest request;
  request.prompt = RandomTokens(45, 42);
  request.sampling = sampling;
  request.max_tokens = 30;
  request.ignore_eos = true;
  return request;
}

TEST(ContinuedTest, GoesOnToTheSameBitsFromEveryToken) {
  const TinyEngine engine = MakeTinyEngine(TinyModelPath(), 2);
  for (const SamplingParams& sampling : Samplings()) {
    const auto whole = Start(*engine.engine, Wanted(sampling));
    const FinishEvent end = whole->WaitForFinish();
    ASSERT_EQ(whole->ids().size(), 30u);
    for (size_t cut = 1; cut <= 30; ++cut) {
      GenerateRequest rest = Wanted(sampling);
      const auto ids = whole->ids();
      rest.continued.assign(ids.begin(), ids.begin() + static_cast<long>(cut));
      const auto sink = Start(*engine.engine, rest);
      const FinishEvent& finish = sink->WaitForFinish();
      EXPECT_EQ(finish.reason, end.reason);
      EXPECT_EQ(sink->ids(), ids) << "cut at " << cut;
      EXPECT_EQ(sink->text(), whole->text()) << "cut at " << cut;
      EXPECT_EQ(finish.usage.completion_tokens, 30);
      EXPECT_LE(finish.usage.cached_tokens, finish.usage.prompt_tokens);
    }
  }
}

TEST(ContinuedTest, AStopStringThatBeganBeforeTheCutStillEndsTheAnswer) {
  const TinyEngine engine = MakeTinyEngine(TinyModelPath(), 1);
  SamplingParams greedy;
  greedy.temperature = 0;
  const auto whole = Start(*engine.engine, Wanted(greedy));
  whole->WaitForFinish();
  const std::string text = whole->text();
  ASSERT_GT(text.size(), 12u);
  GenerateRequest stopping = Wanted(greedy);
  const auto starts = [&](size_t at) {
    return at >= text.size() || (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
  };
  size_t begin = text.size() / 2;
  while (!starts(begin)) ++begin;
  size_t end_at = begin + 4;
  while (!starts(end_at)) ++end_at;
  stopping.stop = {text.substr(begin, end_at - begin)};
  const auto stopped = Start(*engine.engine, stopping);
  const FinishEvent end = stopped->WaitForFinish();
  ASSERT_EQ(end.reason, FinishReason::kStop);
  for (size_t cut = 1; cut <= stopped->ids().size(); ++cut) {
    GenerateRequest rest = stopping;
    const auto ids = stopped->ids();
    rest.continued.assign(ids.begin(), ids.begin() + static_cast<long>(cut));
    const auto sink = Start(*engine.engine, rest);
    EXPECT_EQ(sink->WaitForFinish().stop_match, end.stop_match);
    EXPECT_EQ(sink->text(), stopped->text()) << "cut at " << cut;
  }
}

TEST(ContinuedTest, RefusesWhatCannotBeContinued) {
  const TinyEngine engine = MakeTinyEngine(TinyModelPath(), 1);
  GenerateRequest request = Wanted({});
  request.continued = {1 << 20};
  auto sink = std::make_shared<testing::RecordingSink>();
  EXPECT_EQ(engine->Submit(request, sink).error().code, ErrorCode::kInvalidArgument);
  request.continued = {1};
  request.top_logprobs = 0;
  EXPECT_EQ(engine->Submit(request, sink).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace dure::engine
