#include "engine/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <vector>

#include "engine/peak.h"
#include "engine/philox.h"
#include "engine/ranking.h"
#include "numerics/kernels.h"
#include "numerics/scalar_math.h"

namespace dure::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<float> RandomLogits(size_t count, uint32_t seed, float spread = 4.0f) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> logits(count);
  // Rounded, so that ties happen.
  for (float& logit : logits) logit = std::round(normal(random) * 64) / 64;
  return logits;
}

const numerics::Kernels* Kernels() { return numerics::ChooseKernels().kernels; }

Sample Take(std::vector<float> logits, const SamplingParams& params,
            const std::vector<TokenId>& tokens = {0}, size_t prompt = 1, int top = -1) {
  SampleTask task;
  task.kernels = Kernels();
  task.logits = logits;
  task.params = &params;
  task.tokens = tokens;
  task.prompt_tokens = prompt;
  task.top_logprobs = top;
  const auto sample = SampleRow(task);
  EXPECT_TRUE(sample.has_value());
  return sample.value_or(Sample{});
}

/// How often each token comes in `draws` positions.
std::map<TokenId, int> Frequencies(const std::vector<float>& logits, const SamplingParams& params,
                                   int draws) {
  std::map<TokenId, int> counts;
  std::vector<TokenId> tokens;
  for (int i = 0; i < draws; ++i) {
    tokens.push_back(0);
    ++counts[Take(logits, params, tokens, tokens.size()).id];
  }
  return counts;
}

std::vector<TokenId> Support(const std::vector<float>& logits, const SamplingParams& params) {
  std::vector<TokenId> ids;
  for (const auto& [id, count] : Frequencies(logits, params, 400)) ids.push_back(id);
  return ids;
}

TEST(FindPeak, IsTheLowestIdOfTheLargestLogit) {
  for (size_t size : {1u, 15u, 16u, 17u, 2048u, 2049u, 5000u, 49152u}) {
    std::vector<float> logits = RandomLogits(size, static_cast<uint32_t>(size));
    const auto best = std::max_element(logits.begin(), logits.end());
    const Peak peak = FindPeak(logits);
    EXPECT_TRUE(peak.finite);
    EXPECT_EQ(peak.value, *best);
    EXPECT_EQ(peak.id, best - logits.begin());
  }
}

TEST(FindPeak, NoticesNonFiniteLogitsAnywhere) {
  for (const float bad :
       {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
        std::numeric_limits<float>::quiet_NaN()}) {
    for (size_t place : {0u, 100u, 2047u, 2048u, 4999u}) {
      std::vector<float> logits(5000, 1.0f);
      logits[place] = bad;
      EXPECT_FALSE(FindPeak(logits).finite);
    }
  }
}

TEST(Ranking, IsTheSortedVocabularyWhateverTheFirstBand) {
  const std::vector<float> logits = RandomLogits(3000, 5);
  std::vector<Candidate> sorted;
  for (size_t id = 0; id < logits.size(); ++id) {
    sorted.push_back({logits[id], static_cast<int32_t>(id)});
  }
  std::sort(sorted.begin(), sorted.end(), RanksBefore);
  const float peak = FindPeak(logits).value;
  for (const float band : {0.0f, 0.001f, 1.0f, 8.0f, 1e30f}) {
    Ranking ranking(logits, peak, band);
    for (size_t rank = 0; rank < sorted.size(); ++rank) {
      ASSERT_NE(ranking.At(rank), nullptr);
      ASSERT_EQ(ranking.At(rank)->id, sorted[rank].id);
    }
    EXPECT_EQ(ranking.At(sorted.size()), nullptr);
  }
}

TEST(Sampler, TemperatureZeroTakesTheLowestIdOfTheLargest) {
  SamplingParams params;
  params.temperature = 0;
  EXPECT_EQ(Take({1, 3, 2, 3}, params).id, 1);
}

TEST(Sampler, FrequenciesFollowTheSoftmaxAtEachTemperature) {
  const std::vector<float> logits = {2, 1, 0, -1};
  for (const float temperature : {0.5f, 1.0f, 2.0f}) {
    SamplingParams params;
    params.temperature = temperature;
    std::map<TokenId, int> counts = Frequencies(logits, params, 8000);
    double sum = 0;
    for (const float logit : logits) sum += std::exp(logit / temperature);
    for (TokenId id = 0; id < 4; ++id) {
      EXPECT_NEAR(counts[id] / 8000.0, std::exp(logits[id] / temperature) / sum, 0.02);
    }
  }
}

TEST(Sampler, EachTruncationKeepsExactlyItsHead) {
  // Probabilities 0.5, 0.25, 0.125, 0.0625, 0.0625.
  const float ln2 = 0.6931472f;
  const std::vector<float> logits = {-4 * ln2, -1 * ln2, -4 * ln2, -3 * ln2, -2 * ln2};
  SamplingParams top_k;
  top_k.top_k = 2;
  EXPECT_THAT(Support(logits, top_k), ElementsAre(1, 4));
  SamplingParams top_p;
  top_p.top_p = 0.7f;
  EXPECT_THAT(Support(logits, top_p), ElementsAre(1, 4));
  top_p.top_p = 0.76f;
  EXPECT_THAT(Support(logits, top_p), ElementsAre(1, 3, 4));
  SamplingParams min_p;
  min_p.min_p = 0.2f;
  EXPECT_THAT(Support(logits, min_p), ElementsAre(1, 3, 4));
  SamplingParams all;
  EXPECT_THAT(Support(logits, all), ElementsAre(0, 1, 2, 3, 4));
}

TEST(Sampler, TypicalKeepsWhatIsNearestToTheEntropy) {
  // Entropy 1.875 bits; surprises 1, 2, 3, 4, 4 bits: the second is nearest, then the first, then
  // the third.
  const float ln2 = 0.6931472f;
  const std::vector<float> logits = {-1 * ln2, -2 * ln2, -3 * ln2, -4 * ln2, -4 * ln2};
  SamplingParams params;
  params.typical_p = 0.2f;
  EXPECT_THAT(Support(logits, params), ElementsAre(1));
  params.typical_p = 0.7f;
  EXPECT_THAT(Support(logits, params), ElementsAre(0, 1));
  params.typical_p = 0.8f;
  EXPECT_THAT(Support(logits, params), ElementsAre(0, 1, 2));
}

TEST(Sampler, TopKTakesTheLowerIdsOfATie) {
  SamplingParams params;
  params.top_k = 2;
  EXPECT_THAT(Support({0, 1, 1, 1}, params), ElementsAre(1, 2));
}

TEST(Sampler, TopPOverTheNucleusOfALargeVocabularyEqualsTheFullSort) {
  const std::vector<float> logits = RandomLogits(50000, 11);
  const float peak = FindPeak(logits).value;
  std::vector<int32_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  std::sort(ids.begin(), ids.end(),
            [&](int32_t a, int32_t b) { return RanksBefore({logits[a], a}, {logits[b], b}); });
  for (const float top_p : {0.1f, 0.9f, 0.9999f}) {
    SamplingParams params;
    params.top_p = top_p;
    params.temperature = 0.7f;
    params.seed = 99;
    std::vector<float> scores = logits;
    for (float& score : scores) score = (score - peak) * (1.0f / params.temperature);
    float best = 0;
    float whole = 0;
    numerics::KernelsFor(numerics::Isa::kReference)
        ->max_and_exp_sum(scores.data(), static_cast<int64_t>(scores.size()), &best, &whole);
    const double wanted = top_p * static_cast<double>(whole);
    double mass = 0;
    size_t count = 0;
    while (count < ids.size() && mass < wanted) mass += numerics::Exp(scores[ids[count++]]);
    const double target = UniformForToken(99, 0, 1) * mass;
    double sum = 0;
    size_t rank = 0;
    while (rank + 1 < count && (sum += numerics::Exp(scores[ids[rank]])) <= target) ++rank;
    EXPECT_EQ(Take(logits, params).id, ids[rank]);
  }
}

TEST(Sampler, BiasAndPenaltiesMoveTheChoiceButNotTheReportedLogprobs) {
  SamplingParams params;
  params.temperature = 0;
  params.logit_bias = {{2, 10.0f}};
  const std::vector<float> logits = {1, 2, 0};
  const Sample sample = Take(logits, params, {0}, 1, 1);
  EXPECT_EQ(sample.id, 2);
  const double log_sum = std::log(std::exp(1.0) + std::exp(2.0) + 1.0);
  EXPECT_NEAR(sample.logprob, -log_sum, 1e-5);
  ASSERT_EQ(sample.top.size(), 1u);
  EXPECT_EQ(sample.top[0].id, 1);
  EXPECT_NEAR(sample.top[0].logprob, 2 - log_sum, 1e-5);
}

TEST(Sampler, RepetitionPenaltyCoversThePromptPresenceAndFrequencyDoNot) {
  SamplingParams params;
  params.temperature = 0;
  params.repetition_penalty = 4;
  EXPECT_EQ(Take({3, 2, 1}, params, {0, 1}, 2).id, 2);
  params.penalty_window = 1;
  EXPECT_EQ(Take({3, 2, 1}, params, {0, 1}, 2).id, 0);
  params.penalty_window = 0;
  EXPECT_EQ(Take({3, 2, 1}, params, {0, 1}, 2).id, 0);

  SamplingParams presence;
  presence.temperature = 0;
  presence.presence_penalty = 1.5f;
  EXPECT_EQ(Take({3, 2, 1}, presence, {0, 0}, 2).id, 0);
  EXPECT_EQ(Take({3, 2, 1}, presence, {0, 0, 0}, 1).id, 1);

  SamplingParams frequency;
  frequency.temperature = 0;
  frequency.frequency_penalty = 0.75f;
  EXPECT_EQ(Take({3, 2, 1}, frequency, {9, 0}, 1).id, 0);
  EXPECT_EQ(Take({3, 2, 1}, frequency, {9, 0, 0}, 1).id, 1);
}

TEST(Sampler, ANegativeLogitIsPenalisedDownwards) {
  SamplingParams params;
  params.temperature = 0;
  params.repetition_penalty = 2;
  EXPECT_EQ(Take({-1.0f, -1.5f}, params, {0}, 1).id, 1);
}

TEST(Sampler, LogprobsAreOrderedAndComplete) {
  SamplingParams params;
  params.temperature = 0;
  const Sample sample = Take({0, 5, 5, 1}, params, {0}, 1, 20);
  ASSERT_EQ(sample.top.size(), 4u);
  EXPECT_EQ(sample.top[0].id, 1);
  EXPECT_EQ(sample.top[1].id, 2);
  EXPECT_EQ(sample.top[2].id, 3);
  double sum = 0;
  for (const TokenLogprob& entry : sample.top) sum += std::exp(entry.logprob);
  EXPECT_NEAR(sum, 1.0, 1e-6);
  EXPECT_EQ(sample.logprob, sample.top[0].logprob);
  EXPECT_THAT(Take({0, 5}, params, {0}, 1, 0).top, IsEmpty());
}

TEST(Sampler, AForcedTokenIsTakenAsItIs) {
  std::vector<float> logits = {0, 5, 1};
  SamplingParams params;
  SampleTask task;
  task.kernels = Kernels();
  task.logits = logits;
  task.params = &params;
  task.top_logprobs = 1;
  task.forced = 2;
  const auto sample = SampleRow(task);
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->id, 2);
  EXPECT_EQ(sample->top[0].id, 1);
  EXPECT_EQ(sample->top[0].logprob - sample->logprob, 4.0f);
}

TEST(Sampler, ANonFiniteLogitIsAnError) {
  std::vector<float> logits = {0, std::numeric_limits<float>::quiet_NaN()};
  SamplingParams params;
  SampleTask task;
  task.kernels = Kernels();
  task.logits = logits;
  task.params = &params;
  EXPECT_EQ(SampleRow(task).error().code, ErrorCode::kInternal);
}

TEST(Sampler, ExtremeTemperaturesStayInTheVocabulary) {
  const std::vector<float> logits = RandomLogits(1000, 3, 1000.0f);
  const TokenId best = FindPeak(logits).id;
  SamplingParams cold;
  cold.temperature = 1e-6f;
  cold.typical_p = 0.9f;
  cold.min_p = 0.1f;
  EXPECT_EQ(Take(logits, cold).id, best);
  SamplingParams hot;
  hot.temperature = 1e30f;
  const TokenId id = Take(logits, hot).id;
  EXPECT_GE(id, 0);
  EXPECT_LT(id, 1000);
}

}  // namespace
}  // namespace dure::engine
