#include "engine/step_cost.h"

#include <gtest/gtest.h>

namespace dure::engine {
namespace {

TEST(StepCost, KnowsNothingAtFirst) {
  const StepCost cost;
  EXPECT_EQ(cost.DecodeMs(1), 0);
  EXPECT_EQ(cost.PromptRowMs(), 0);
  EXPECT_EQ(cost.PromptRowsWithin(60, 4), -1);
}

TEST(StepCost, RowsOfAPromptAreWhatAStepTakesBeyondDecoding) {
  StepCost cost;
  for (int i = 0; i < 50; ++i) {
    cost.Observe(4, 0, 10);
    cost.Observe(4, 100, 35);
  }
  EXPECT_NEAR(cost.DecodeMs(4), 10, 1e-6);
  EXPECT_NEAR(cost.PromptRowMs(), 0.25, 1e-6);
  EXPECT_EQ(cost.PromptRowsWithin(60, 4), 200);
  EXPECT_EQ(cost.PromptRowsWithin(5, 4), 0);
  EXPECT_EQ(cost.PromptRowsWithin(50, 0), 200);
}

TEST(StepCost, RowCountsThatWereNeverTriedAreGuessedLow) {
  StepCost cost;
  cost.Observe(1, 0, 10);
  EXPECT_GT(cost.DecodeMs(16), 10);
  EXPECT_LT(cost.DecodeMs(16), 20);
  cost.Observe(16, 0, 100);
  EXPECT_EQ(cost.DecodeMs(16), 100);
  EXPECT_EQ(cost.DecodeMs(9), 100);
  EXPECT_LT(cost.DecodeMs(8), 20);
}

TEST(StepCost, FollowsAChangeAndForgivesOneSlowStep) {
  StepCost cost;
  cost.Observe(1, 0, 10);
  cost.Observe(1, 0, 10000);
  EXPECT_LT(cost.DecodeMs(1), 15);
  for (int i = 0; i < 60; ++i) cost.Observe(1, 0, 40);
  EXPECT_NEAR(cost.DecodeMs(1), 40, 0.1);
}

}  // namespace
}  // namespace dure::engine
