#include "engine/draft.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace dure::engine {
namespace {

using ::testing::ElementsAre;
using Tokens = std::vector<int32_t>;

Tokens Draft(const Tokens& tokens, int least, int count) {
  Tokens draft;
  const Match match = FindMatch(tokens, least);
  if (match.length > 0) CopyDraft(tokens, match, count, draft);
  return draft;
}

TEST(FindMatch, ContinuesWhereTheEndStoodBefore) {
  EXPECT_THAT(Draft({1, 2, 3, 4, 5, 6, 9, 1, 2, 3}, 3, 3), ElementsAre(4, 5, 6));
  EXPECT_THAT(Draft({1, 2, 3, 4, 9, 2, 3}, 3, 3), ElementsAre());
  EXPECT_THAT(Draft({1, 2, 3, 4, 9, 2, 3}, 2, 1), ElementsAre(4));
  EXPECT_THAT(Draft({}, 1, 1), ElementsAre());
  EXPECT_THAT(Draft({7}, 1, 1), ElementsAre());
}

TEST(FindMatch, TheLongestWinsAndOfEqualOnesTheLatest) {
  EXPECT_THAT(Draft({1, 2, 3, 70, 5, 2, 3, 80, 1, 2, 3}, 2, 1), ElementsAre(70));
  EXPECT_THAT(Draft({2, 3, 70, 5, 2, 3, 80, 9, 2, 3}, 2, 1), ElementsAre(80));
}

TEST(FindMatch, ADraftRepeatsWhatRepeats) {
  EXPECT_THAT(Draft({1, 2, 1, 2, 1, 2}, 3, 5), ElementsAre(1, 2, 1, 2, 1));
  EXPECT_THAT(Draft({4, 4, 4, 4}, 3, 4), ElementsAre(4, 4, 4, 4));
}

/// Steps that take 10 ms with one row and `row_ms` more for each further one.
StepCost Cost(double row_ms) {
  StepCost cost;
  for (int rows = 1; rows <= 64; rows *= 2) cost.Observe(rows, 0, 10 + row_ms * (rows - 1));
  return cost;
}

constexpr Match kMatch = {10, 4};

TEST(DraftRecord, NothingIsTriedBeforeAStepWasTimed) {
  EXPECT_EQ(DraftRecord().BestLength(kMatch, 15, 1, StepCost()), 0);
}

TEST(DraftRecord, GrowsWithSuccessAndStopsWithFailure) {
  const StepCost cost = Cost(0.5);
  DraftRecord record;
  const int first = record.BestLength(kMatch, 15, 1, cost);
  EXPECT_GE(first, 1);
  EXPECT_LT(first, 15);
  for (int i = 0; i < 5; ++i) record.Record(15, 15);
  EXPECT_EQ(record.BestLength(kMatch, 15, 1, cost), 15);
  EXPECT_EQ(record.BestLength(kMatch, 6, 1, cost), 6);
  for (int i = 0; i < 40; ++i) record.Record(3, 0);
  EXPECT_LE(record.BestLength(kMatch, 15, 1, Cost(1.5)), 0);
}

TEST(DraftRecord, AfterManySkippedMatchesItTriesAgain) {
  const StepCost cost = Cost(1.5);
  DraftRecord record;
  for (int i = 0; i < 40; ++i) record.Record(3, 0);
  int skipped = 0;
  while (record.BestLength(kMatch, 15, 1, cost) == 0 && skipped < 1000) {
    record.Skip();
    ++skipped;
  }
  EXPECT_GE(skipped, 10);
  EXPECT_LE(skipped, 200);
}

TEST(DraftRecord, ExpensiveRowsAreNotWorthAGuess) {
  EXPECT_EQ(DraftRecord().BestLength(kMatch, 15, 1, Cost(10)), 0);
}

}  // namespace
}  // namespace dure::engine
