// Perplexity and divergence between models, beside what the engine's own forced scoring gives.
#include "engine/evaluation.h"

#include <cmath>

#include "tests/engine/tiny_engine.h"

namespace dure::engine {
namespace {

using testing::RandomTokens;
using testing::TinyModelPath;

constexpr int kWindow = 96;

struct TinyModel {
  ThreadTeam team{2};
  std::unique_ptr<models::Model> model;

  explicit TinyModel(const std::string& path) {
    const auto file = formats::GgufFile::Open(path);
    models::LoadOptions load;
    load.team = &team;
    model = *models::LoadModel(**file, load);
  }
};

EvaluationOptions Windows() {
  EvaluationOptions options;
  options.window = kWindow;
  options.step_rows = 7;
  return options;
}

TEST(Evaluation, AModelIsAtNoDistanceFromItself) {
  TinyModel tiny(TinyModelPath());
  const EvaluatedModel side = {tiny.model.get(), numerics::CacheType::kF16};
  const auto result = Evaluate(side, side, RandomTokens(2 * kWindow + 5, 3), Windows(), tiny.team);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->tokens, 2U * (kWindow / 2 - 1));
  ASSERT_TRUE(result->divergence);
  EXPECT_EQ(result->divergence->max, 0);
  EXPECT_EQ(result->divergence->same_top, 1);
  EXPECT_EQ(result->perplexity, result->reference_perplexity);
}

TEST(Evaluation, PerplexityIsThatOfForcedScoring) {
  TinyModel tiny(TinyModelPath());
  const auto tokens = RandomTokens(kWindow, 4);
  const EvaluatedModel side = {tiny.model.get(), numerics::CacheType::kF16};
  const auto result = Evaluate(side, {}, tokens, Windows(), tiny.team);
  ASSERT_TRUE(result) << result.error().message;

  auto engine = testing::MakeTinyEngine(TinyModelPath(), 1);
  GenerateRequest request;
  request.prompt.assign(tokens.begin(), tokens.begin() + kWindow / 2 + 1);
  request.forced.assign(tokens.begin() + kWindow / 2 + 1, tokens.end());
  request.top_logprobs = 0;
  const auto sink = testing::Start(*engine.engine, request);
  sink->WaitForFinish();
  double sum = 0;
  for (const TokenEvent& event : sink->events()) sum -= event.logprob;
  EXPECT_NEAR(result->perplexity / std::exp(sum / static_cast<double>(sink->events().size())), 1,
              1e-5);
}

TEST(Evaluation, ACoarserCacheIsAtASmallDistance) {
  TinyModel tiny(TinyModelPath());
  const auto result = Evaluate({tiny.model.get(), numerics::CacheType::kQ8},
                               {tiny.model.get(), numerics::CacheType::kF16},
                               RandomTokens(kWindow, 5), Windows(), tiny.team);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_GT(result->divergence->mean, 0);
  EXPECT_LT(result->divergence->mean, 0.01);
  EXPECT_LE(result->divergence->median, result->divergence->p99);
  EXPECT_LE(result->divergence->p99, result->divergence->max);
}

TEST(Evaluation, RefusesATextShorterThanAWindow) {
  TinyModel tiny(TinyModelPath());
  const auto result = Evaluate({tiny.model.get(), numerics::CacheType::kF16}, {},
                               RandomTokens(kWindow - 1, 6), Windows(), tiny.team);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("95"), std::string::npos) << result.error().message;
  EXPECT_NE(result.error().message.find("96"), std::string::npos);
}

}  // namespace
}  // namespace dure::engine
