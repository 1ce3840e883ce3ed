#include "engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "tests/engine/tiny_engine.h"

namespace dure::engine {
namespace {

using ::testing::HasSubstr;
using testing::MakeTinyEngine;
using testing::RandomTokens;
using testing::RecordingSink;
using testing::Start;
using testing::TinyEngine;
using testing::TinyModelPath;

constexpr TokenId kEos = 257;

GenerateRequest Endless(uint32_t seed) {
  GenerateRequest request;
  request.prompt = RandomTokens(20, seed);
  request.sampling.seed = seed;
  request.ignore_eos = true;
  return request;
}

/// Makes the model say this token next, whatever it thinks.
void Say(GenerateRequest& request, TokenId id) {
  request.sampling.temperature = 0;
  request.sampling.logit_bias = {{id, 1e6f}};
}

TEST(Engine, GeneratesUpToTheContextAndSaysSo) {
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 2);
  EXPECT_EQ(tiny->context_length(), 256);
  const auto sink = Start(*tiny.engine, Endless(1));
  const FinishEvent& finish = sink->WaitForFinish();
  EXPECT_EQ(finish.reason, FinishReason::kLength);
  EXPECT_EQ(finish.usage.prompt_tokens, 20);
  EXPECT_EQ(finish.usage.completion_tokens, 236);
  EXPECT_EQ(sink->events().size(), 236u);
}

TEST(Engine, EndsAtAnEndOfGenerationTokenAndReportsIt) {
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 1);
  GenerateRequest request = Endless(2);
  Say(request, kEos);
  request.ignore_eos = false;
  const auto sink = Start(*tiny.engine, request);
  const FinishEvent& finish = sink->WaitForFinish();
  EXPECT_EQ(finish.reason, FinishReason::kStop);
  EXPECT_EQ(finish.stop_token, kEos);
  EXPECT_EQ(sink->ids(), std::vector<TokenId>{kEos});
  EXPECT_EQ(sink->text(), "");
}

TEST(Engine, StopsAtAStopStringAcrossTokens) {
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 1);
  GenerateRequest request = Endless(3);
  Say(request, 'a');
  request.stop = {"aaaa"};
  const auto sink = Start(*tiny.engine, request);
  const FinishEvent& finish = sink->WaitForFinish();
  EXPECT_EQ(finish.reason, FinishReason::kStop);
  EXPECT_EQ(finish.stop_match, "aaaa");
  EXPECT_EQ(sink->text(), "");
  EXPECT_EQ(finish.usage.completion_tokens, 4);
}

TEST(Engine, HeldBackTextComesWithTheEnd) {
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 1);
  GenerateRequest request = Endless(4);
  Say(request, 'a');
  request.stop = {"aab"};
  request.max_tokens = 5;
  const auto sink = Start(*tiny.engine, request);
  EXPECT_EQ(sink->WaitForFinish().text, "aa");
  EXPECT_EQ(sink->text(), "aaaaa");
}

TEST(Engine, TextOfAnAnswerIsWholeUtf8WhateverTheBytes) {
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 1);
  GenerateRequest request = Endless(5);
  Say(request, 0xED);  // the first byte of three, again and again
  request.max_tokens = 3;
  const auto sink = Start(*tiny.engine, request);
  sink->WaitForFinish();
  EXPECT_EQ(sink->text(), "\uFFFD\uFFFD\uFFFD");
}

TEST(Engine, ACancelledSequenceLeavesItsBlocksBehind) {
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 2);
  const auto sink = std::make_shared<testing::HoldingSink>(3);
  const auto submitted = tiny->Submit(Endless(6), sink);
  ASSERT_TRUE(submitted);
  const RequestId id = *submitted;
  sink->WaitForTokens(3);
  EXPECT_GT(tiny->stats().blocks_used, 0);
  tiny->Cancel(id);
  sink->Release();
  EXPECT_EQ(sink->WaitForFinish().reason, FinishReason::kCancelled);
  EXPECT_EQ(tiny->stats().blocks_used, 0);
  EXPECT_LE(sink->events().size(), 4u);
  tiny->Cancel(id);
  tiny->Cancel(12345);
  EXPECT_EQ(Start(*tiny.engine, Endless(6))->WaitForFinish().reason, FinishReason::kLength);
  EXPECT_EQ(sink->finishes(), 1);
}

/// Cancels its own request at the third token, from the scheduler thread.
class CancellingSink : public RecordingSink {
 public:
  explicit CancellingSink(Engine& engine) : engine_(engine) {}
  void OnToken(const TokenEvent& event) override {
    RecordingSink::OnToken(event);
    if (events().size() == 3) engine_.Cancel(1);
  }

 private:
  Engine& engine_;
};

TEST(Engine, ASinkMayCancelItsRequestAndGetsNothingMore) {
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 1);
  const auto sink = std::make_shared<CancellingSink>(*tiny.engine);
  ASSERT_EQ(tiny->Submit(Endless(7), sink), RequestId{1});
  EXPECT_EQ(sink->WaitForFinish().reason, FinishReason::kCancelled);
  EXPECT_EQ(sink->events().size(), 3u);
}

TEST(Engine, AFullQueueIsRefusedAndOpensAgain) {
  EngineOptions options;
  options.max_sequences = 1;
  options.max_queued = 2;
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 1, options);
  GenerateRequest short_one = Endless(8);
  short_one.max_tokens = 1;
  const auto running = std::make_shared<testing::HoldingSink>();
  ASSERT_TRUE(tiny->Submit(short_one, running));
  running->WaitForTokens(1);
  const auto second = Start(*tiny.engine, short_one);
  const auto third = Start(*tiny.engine, short_one);
  const auto refused = tiny->Submit(short_one, std::make_shared<RecordingSink>());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(tiny->stats().queued, 2);
  running->Release();
  third->WaitForFinish();
  EXPECT_EQ(Start(*tiny.engine, short_one)->WaitForFinish().reason, FinishReason::kLength);
}

TEST(Engine, WaitingPromptTokensAreLimitedToo) {
  EngineOptions options;
  options.max_sequences = 1;
  options.max_queued_prompt_tokens = 50;
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 1, options);
  const auto running = std::make_shared<testing::HoldingSink>();
  ASSERT_TRUE(tiny->Submit(Endless(8), running));
  running->WaitForTokens(1);
  GenerateRequest request = Endless(9);
  request.max_tokens = 1;
  request.prompt = RandomTokens(200, 9);  // more than the limit, but nobody else waits
  const auto second = Start(*tiny.engine, request);
  EXPECT_EQ(tiny->stats().queued_prompt_tokens, 200);
  const auto refused = tiny->Submit(Endless(10), std::make_shared<RecordingSink>());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("200"));
  running->Release();
  second->WaitForFinish();
  EXPECT_EQ(tiny->stats().queued_prompt_tokens, 0);
  EXPECT_EQ(Start(*tiny.engine, request)->WaitForFinish().reason, FinishReason::kLength);
}

TEST(Engine, ARequestThatWaitsBeyondItsDeadlineEnds) {
  EngineOptions options;
  options.max_sequences = 1;
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 1, options);
  const auto running = std::make_shared<testing::HoldingSink>();
  GenerateRequest first = Endless(1);
  first.queue_deadline = std::chrono::steady_clock::now() + std::chrono::hours(1);
  ASSERT_TRUE(tiny->Submit(first, running));
  running->WaitForTokens(1);
  GenerateRequest request = Endless(2);
  request.queue_deadline = std::chrono::steady_clock::now();
  const auto late = Start(*tiny.engine, request);
  const auto patient = Start(*tiny.engine, Endless(3));
  running->Release();
  const FinishEvent& finish = late->WaitForFinish();
  EXPECT_EQ(finish.reason, FinishReason::kError);
  EXPECT_EQ(finish.error->code, ErrorCode::kUnavailable);
  EXPECT_TRUE(late->events().empty());
  EXPECT_EQ(running->WaitForFinish().reason, FinishReason::kLength);
  EXPECT_EQ(patient->WaitForFinish().reason, FinishReason::kLength);
}

TEST(Engine, ARunningRequestEndsAtItsDeadline) {
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 1);
  const auto sink = std::make_shared<testing::HoldingSink>(2);
  GenerateRequest request = Endless(1);
  request.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
  ASSERT_TRUE(tiny->Submit(request, sink));
  sink->WaitForTokens(2);
  std::this_thread::sleep_until(*request.deadline);
  sink->Release();
  const FinishEvent& finish = sink->WaitForFinish();
  ASSERT_TRUE(finish.error);
  EXPECT_EQ(finish.error->code, ErrorCode::kUnavailable);
  EXPECT_LE(sink->events().size(), 2u);
  EXPECT_EQ(tiny->stats().blocks_used, 0);
}

TEST(Engine, ItsEndIsEverySinksEnd) {
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  {
    EngineOptions options;
    options.max_sequences = 2;
    const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 2, options);
    for (uint32_t i = 0; i < 6; ++i) sinks.push_back(Start(*tiny.engine, Endless(i)));
    sinks.front()->WaitForTokens(1);
  }
  for (const auto& sink : sinks) EXPECT_EQ(sink->finishes(), 1);
  EXPECT_EQ(sinks.back()->WaitForFinish().reason, FinishReason::kCancelled);
}

TEST(Engine, ACancelThatMeetsTheEndIsStillOneFinish) {
  for (uint32_t i = 0; i < 20; ++i) {
    std::shared_ptr<RecordingSink> sink;
    {
      const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 1);
      RequestId id = 0;
      sink = Start(*tiny.engine, Endless(i), &id);
      sink->WaitForTokens(1);
      tiny->Cancel(id);
    }
    EXPECT_EQ(sink->finishes(), 1);
  }
}

TEST(Engine, SubmitRefusesWithTheNumbers) {
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 1);
  GenerateRequest request;
  request.prompt = RandomTokens(256, 1);
  const auto refused = tiny->Submit(request, std::make_shared<RecordingSink>());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kContextLengthExceeded);
  EXPECT_THAT(refused.error().message, HasSubstr("256"));
}

/// A model whose numbers go wrong at one position, or whose memory runs out.
class BrokenModel : public models::Model {
 public:
  explicit BrokenModel(int nan_position) : nan_position_(nan_position) {
    config_ = {.architecture = "broken",
               .name = "",
               .layers = 1,
               .width = 16,
               .heads = 1,
               .kv_heads = 1,
               .head_dim = 16,
               .ff_width = 16,
               .vocab_size = 259,
               .context_length = 64};
  }
  const models::ModelConfig& config() const override { return config_; }
  uint64_t weight_bytes() const override { return 0; }
  Result<void> Forward(const models::Step& step, models::KvStorage&,
                       std::span<float> logits) override {
    std::fill(logits.begin(), logits.end(), 0.0f);
    for (size_t i = 0; i < step.logit_rows.size(); ++i) {
      if (step.rows[static_cast<size_t>(step.logit_rows[i])].position == nan_position_) {
        logits[i * 259 + 100] = std::numeric_limits<float>::quiet_NaN();
      }
    }
    if (nan_position_ < 0) return Fail(ErrorCode::kResourceExhausted, "no work memory");
    return {};
  }

 private:
  int nan_position_;
  models::ModelConfig config_;
};

std::unique_ptr<Engine> BrokenEngine(int nan_position) {
  const auto file = formats::GgufFile::Open(TinyModelPath());
  auto tokenizer = text::Tokenizer::FromGguf(**file);
  auto engine =
      Engine::Create(std::make_unique<BrokenModel>(nan_position), *std::move(tokenizer), {});
  EXPECT_TRUE(engine) << engine.error().message;
  return *std::move(engine);
}

TEST(Engine, ANonFiniteLogitEndsOnlyThatSequence) {
  const auto engine = BrokenEngine(30);
  const auto broken = Start(*engine, Endless(1));
  GenerateRequest healthy = Endless(2);
  healthy.max_tokens = 5;
  const auto other = Start(*engine, healthy);
  EXPECT_EQ(other->WaitForFinish().reason, FinishReason::kLength);
  const FinishEvent& finish = broken->WaitForFinish();
  EXPECT_EQ(finish.reason, FinishReason::kError);
  ASSERT_TRUE(finish.error);
  EXPECT_THAT(finish.error->message, HasSubstr("non-finite"));
  EXPECT_EQ(broken->events().size(), 11u);  // positions 20 to 30
  EXPECT_EQ(engine->stats().blocks_used, 0);
}

TEST(Engine, ANonFiniteLogitAmongForcedTokensEndsThem) {
  const auto engine = BrokenEngine(22);
  GenerateRequest score;
  score.prompt = RandomTokens(20, 1);
  score.forced = RandomTokens(10, 2);
  const auto sink = Start(*engine, score);
  EXPECT_EQ(sink->WaitForFinish().reason, FinishReason::kError);
  EXPECT_EQ(sink->events().size(), 3u);
  EXPECT_EQ(sink->finishes(), 1);
}

TEST(Engine, AFailedStepIsAnErrorOfItsSequencesAndTheEngineGoesOn) {
  const auto engine = BrokenEngine(-1);
  for (int i = 0; i < 2; ++i) {
    const FinishEvent finish = Start(*engine, Endless(1))->WaitForFinish();
    EXPECT_EQ(finish.reason, FinishReason::kError);
    EXPECT_EQ(finish.error->code, ErrorCode::kResourceExhausted);
    EXPECT_EQ(engine->stats().blocks_used, 0);
  }
}

}  // namespace
}  // namespace dure::engine
