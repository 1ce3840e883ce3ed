#include "engine/request_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>

#include "engine/cache_size.h"

namespace dure::engine {
namespace {

using testing::HasSubstr;

constexpr int kVocab = 100;
constexpr int kContext = 16;

GenerateRequest Valid() {
  GenerateRequest request;
  request.prompt = {1, 2, 3};
  return request;
}

Error Refused(const std::function<void(GenerateRequest&)>& change) {
  GenerateRequest request = Valid();
  change(request);
  const auto result = CheckRequest(request, {}, kVocab, kContext);
  EXPECT_FALSE(result);
  return result ? Error{} : result.error();
}

TEST(CheckRequest, TakesWhatIsInRange) {
  EXPECT_TRUE(CheckRequest(Valid(), {}, kVocab, kContext));
  GenerateRequest request = Valid();
  request.prompt.assign(kContext - 1, 5);
  request.max_tokens = 1 << 30;  // ends at the context, as a length
  request.stop = {"\n", "한국", "🙂"};
  request.sampling.temperature = 0;
  request.sampling.presence_penalty = -2;
  EXPECT_TRUE(CheckRequest(request, {}, kVocab, kContext));
}

TEST(CheckRequest, NamesWhatIsWrong) {
  using R = GenerateRequest;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(Refused([](R& r) { r.prompt.clear(); }).message, HasSubstr("prompt"));
  EXPECT_THAT(Refused([](R& r) { r.prompt = {kVocab}; }).message, HasSubstr("100"));
  EXPECT_THAT(Refused([](R& r) { r.prompt = {-1}; }).message, HasSubstr("-1"));
  EXPECT_THAT(Refused([](R& r) { r.max_tokens = 0; }).message, HasSubstr("max_tokens"));
  EXPECT_THAT(Refused([](R& r) { r.top_logprobs = 257; }).message, HasSubstr("top_logprobs"));
  EXPECT_THAT(Refused([](R& r) { r.stop = {""}; }).message, HasSubstr("stop"));
  EXPECT_THAT(Refused([](R& r) { r.stop = {"\xed\x95"}; }).message, HasSubstr("UTF-8"));
  EXPECT_THAT(Refused([](R& r) { r.stop.assign(65, "x"); }).message, HasSubstr("64"));
  EXPECT_THAT(Refused([&](R& r) { r.sampling.temperature = nan; }).message,
              HasSubstr("temperature"));
  EXPECT_THAT(Refused([](R& r) { r.sampling.temperature = -1; }).message, HasSubstr("temperature"));
  EXPECT_THAT(Refused([](R& r) { r.sampling.temperature = 1e-30f; }).message,
              HasSubstr("temperature"));
  EXPECT_THAT(Refused([](R& r) { r.sampling.top_p = 0; }).message, HasSubstr("top_p"));
  EXPECT_THAT(Refused([](R& r) { r.sampling.top_p = 1.1f; }).message, HasSubstr("top_p"));
  EXPECT_THAT(Refused([](R& r) { r.sampling.top_k = -1; }).message, HasSubstr("top_k"));
  EXPECT_THAT(Refused([](R& r) { r.sampling.repetition_penalty = 0; }).message,
              HasSubstr("repetition_penalty"));
  EXPECT_THAT(Refused([](R& r) { r.sampling.logit_bias = {{kVocab, 1}}; }).message,
              HasSubstr("logit_bias"));
}

TEST(CheckRequest, ContextOverflowIsAnErrorWithTheNumbers) {
  const Error prompt = Refused([](GenerateRequest& r) { r.prompt.assign(kContext, 5); });
  EXPECT_EQ(prompt.code, ErrorCode::kContextLengthExceeded);
  EXPECT_THAT(prompt.message, HasSubstr("context is 16 tokens"));
  EXPECT_THAT(prompt.message, HasSubstr("prompt has 16"));
  const Error forced = Refused([](GenerateRequest& r) { r.forced.assign(14, 5); });
  EXPECT_EQ(forced.code, ErrorCode::kContextLengthExceeded);
  EXPECT_THAT(forced.message, HasSubstr("14"));
}

constexpr uint64_t kBlockBytes = 1000;
constexpr uint64_t kMuchMemory = uint64_t{1} << 40;

TEST(ChooseCacheSize, OneWholeContextAlwaysFitsAndBatchesGetAModerateLength) {
  EngineOptions options;
  const auto large = ChooseCacheSize(options, 131072, kBlockBytes, kMuchMemory);
  ASSERT_TRUE(large);
  EXPECT_EQ(large->context_length, 131072);
  EXPECT_EQ(large->blocks, 131072 / 32);
  const auto small = ChooseCacheSize(options, 512, kBlockBytes, kMuchMemory);
  ASSERT_TRUE(small);
  EXPECT_EQ(small->context_length, 512);
  EXPECT_EQ(small->blocks, 64 * 1024 / 32);
}

TEST(ChooseCacheSize, AMachineWithLittleMemoryGetsAShorterContext) {
  const auto size = ChooseCacheSize({}, 131072, kBlockBytes, 4 * 10 * kBlockBytes);
  ASSERT_TRUE(size);
  EXPECT_EQ(size->blocks, 10);
  EXPECT_EQ(size->context_length, 320);
}

TEST(ChooseCacheSize, WhatWasAskedForIsGivenOrRefusedWithNumbers) {
  EngineOptions options;
  options.context_length = 100;
  options.kv_bytes = 4 * kBlockBytes;
  const auto fits = ChooseCacheSize(options, 4096, kBlockBytes, kMuchMemory);
  ASSERT_TRUE(fits);
  EXPECT_EQ(fits->blocks, 4);
  EXPECT_EQ(fits->context_length, 100);
  options.kv_bytes = 3 * kBlockBytes;
  const auto small = ChooseCacheSize(options, 4096, kBlockBytes, kMuchMemory);
  ASSERT_FALSE(small);
  EXPECT_THAT(small.error().message, HasSubstr("96 positions"));
  options.context_length = 5000;
  const auto beyond = ChooseCacheSize(options, 4096, kBlockBytes, kMuchMemory);
  ASSERT_FALSE(beyond);
  EXPECT_THAT(beyond.error().message, HasSubstr("4096"));
}

}  // namespace
}  // namespace dure::engine
