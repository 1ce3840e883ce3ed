// Requests that begin alike: the later one starts where the earlier ones' keys and values end, with
// the same bits.
#include <gtest/gtest.h>

#include <bit>
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

GenerateRequest Chat(std::vector<TokenId> prompt, int max_tokens = 20) {
  GenerateRequest request;
  request.prompt = std::move(prompt);
  request.sampling.seed = 9;
  request.max_tokens = max_tokens;
  request.ignore_eos = true;
  request.top_logprobs = 2;
  request.tenant = "alice";
  return request;
}

std::vector<uint32_t> Bits(RecordingSink& sink) {
  EXPECT_EQ(sink.WaitForFinish().reason, FinishReason::kLength);
  return EventBits(sink.events());
}

std::vector<uint32_t> BitsWithoutCache(const GenerateRequest& request) {
  EngineOptions options;
  options.prefix_cache = false;
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 1, options);
  std::vector<uint32_t> bits = Bits(*Start(*tiny.engine, request));
  EXPECT_EQ(Bits(*Start(*tiny.engine, request)), bits);
  EXPECT_EQ(tiny->stats().prefix_hits, 0u);
  EXPECT_EQ(tiny->stats().blocks_cached, 0);
  return bits;
}

int CachedTokens(RecordingSink& sink) { return sink.WaitForFinish().usage.cached_tokens; }

TEST(PrefixSharing, TheSamePromptAgainComputesItsLastTokenOnly) {
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 2);
  const GenerateRequest request = Chat(RandomTokens(100, 1));
  const auto first = Start(*tiny.engine, request);
  EXPECT_EQ(CachedTokens(*first), 0);
  EXPECT_EQ(tiny->stats().blocks_used, 0);
  EXPECT_EQ(tiny->stats().blocks_cached, 4);  // 119 positions
  const auto second = Start(*tiny.engine, request);
  EXPECT_EQ(CachedTokens(*second), 99);
  EXPECT_EQ(Bits(*second), Bits(*first));
  EXPECT_EQ(Bits(*second), BitsWithoutCache(request));
  EXPECT_EQ(tiny->stats().prefix_hits, 1u);
  EXPECT_EQ(tiny->stats().prefix_tokens, 99u);
}

TEST(PrefixSharing, TheNextTurnOfAChatComputesTheNewTurnOnly) {
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 2);
  std::vector<TokenId> chat = RandomTokens(50, 2);
  for (uint32_t turn = 0; turn < 3; ++turn) {
    const GenerateRequest request = Chat(chat);
    const auto sink = Start(*tiny.engine, request);
    EXPECT_EQ(Bits(*sink), BitsWithoutCache(request)) << turn;
    // All but the new turn and the token that ended the last answer, which was never computed.
    if (turn > 0) {
      EXPECT_EQ(CachedTokens(*sink), static_cast<int>(chat.size()) - 11) << turn;
    }
    for (const TokenId id : sink->ids()) chat.push_back(id);
    for (const TokenId id : RandomTokens(10, 50 + turn)) chat.push_back(id);
  }
}

TEST(PrefixSharing, AChangedMessageSharesWhatStandsBeforeIt) {
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 1);
  std::vector<TokenId> prompt = RandomTokens(90, 3);
  Start(*tiny.engine, Chat(prompt))->WaitForFinish();
  prompt[71] = (prompt[71] + 1) % 256;
  const auto sink = Start(*tiny.engine, Chat(prompt));
  EXPECT_EQ(CachedTokens(*sink), 71);
  EXPECT_EQ(Bits(*sink), BitsWithoutCache(Chat(prompt)));
}

TEST(PrefixSharing, AnotherTenantComputesEverything) {
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 1);
  GenerateRequest request = Chat(RandomTokens(100, 4));
  Start(*tiny.engine, request)->WaitForFinish();
  request.tenant = "bob";
  EXPECT_EQ(CachedTokens(*Start(*tiny.engine, request)), 0);
  EXPECT_EQ(CachedTokens(*Start(*tiny.engine, request)), 99);
}

TEST(PrefixSharing, ChoicesOfOnePromptComputeItOnce) {
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 2);
  // Holds the engine, so that all four arrive in the same step.
  const auto holding = std::make_shared<testing::HoldingSink>();
  ASSERT_TRUE(tiny->Submit(Chat(RandomTokens(3, 99), 2), holding));
  holding->WaitForTokens(1);
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  for (uint32_t choice = 0; choice < 4; ++choice) {
    GenerateRequest request = Chat(RandomTokens(100, 5));
    request.sampling.choice = choice;
    sinks.push_back(Start(*tiny.engine, request));
  }
  holding->Release();
  EXPECT_EQ(CachedTokens(*sinks[0]), 0);
  for (uint32_t choice = 1; choice < 4; ++choice) {
    EXPECT_EQ(CachedTokens(*sinks[choice]), 96) << choice;
    GenerateRequest request = Chat(RandomTokens(100, 5));
    request.sampling.choice = choice;
    EXPECT_EQ(Bits(*sinks[choice]), BitsWithoutCache(request)) << choice;
  }
}

TEST(PrefixSharing, ScoringStartsAfterThePromptThatIsCached) {
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 2);
  const auto generated = Start(*tiny.engine, Chat(RandomTokens(70, 6)));
  const std::vector<uint32_t> bits = Bits(*generated);
  GenerateRequest score = Chat(RandomTokens(70, 6));
  score.forced = generated->ids();
  const auto scored = Start(*tiny.engine, score);
  EXPECT_EQ(CachedTokens(*scored), 69);
  EXPECT_EQ(Bits(*scored), bits);
}

TEST(PrefixSharing, ACacheThatIsTooSmallForgetsAndRefusesNobody) {
  const auto file = formats::GgufFile::Open(TinyModelPath());
  ASSERT_TRUE(file);
  EngineOptions options;
  options.kv_bytes =
      8 * models::KvStorage::BlockBytes(*models::ReadConfig(**file), numerics::CacheType::kF16);
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 1, options);
  for (uint32_t i = 0; i < 6; ++i) {
    const GenerateRequest request = Chat(RandomTokens(100, 10 + i), 150);
    EXPECT_EQ(Bits(*Start(*tiny.engine, request)), BitsWithoutCache(request)) << i;
  }
  EXPECT_GT(tiny->stats().prefix_evictions, 0u);
  EXPECT_EQ(tiny->stats().preemptions, 0u);
  EXPECT_EQ(tiny->stats().blocks_used, 0);
}

TEST(PrefixSharing, ClearingForgetsAll) {
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 1);
  const GenerateRequest request = Chat(RandomTokens(100, 20));
  Start(*tiny.engine, request)->WaitForFinish();
  EXPECT_GT(tiny->stats().blocks_cached, 0);
  tiny->ClearCache();
  EXPECT_EQ(tiny->stats().blocks_cached, 0);
  EXPECT_EQ(CachedTokens(*Start(*tiny.engine, request)), 0);
}

}  // namespace
}  // namespace dure::engine
