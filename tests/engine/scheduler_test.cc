#include "engine/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace dure::engine {
namespace {

using testing::ElementsAre;

constexpr int kBlock = 4;

SchedulerLimits Limits() {
  SchedulerLimits limits;
  limits.max_sequences = 8;
  limits.step_token_budget = 16;
  limits.block_positions = kBlock;
  limits.total_blocks = 100;
  limits.prefix_cache = false;  // the prompts below begin alike
  return limits;
}

SequenceList Request(RequestId id, int prompt, const std::string& tenant = "",
                     Priority priority = Priority::kNormal) {
  SequenceList one;
  Sequence& sequence = one.emplace_back();
  sequence.id = id;
  sequence.request.prompt.assign(static_cast<size_t>(prompt), 1);
  sequence.request.tenant = tenant;
  sequence.request.priority = priority;
  sequence.tokens = sequence.request.prompt;
  return one;
}

SequenceList Forced(RequestId id, int prompt, int forced) {
  SequenceList one = Request(id, prompt);
  one.front().request.forced.assign(static_cast<size_t>(forced), 2);
  one.front().tokens.insert(one.front().tokens.end(), static_cast<size_t>(forced) - 1, 2);
  return one;
}

/// Whether the scheduler had it.
bool Remove(Scheduler& scheduler, RequestId id) {
  SequenceList removed;
  scheduler.Remove(id, removed);
  return !removed.empty();
}

/// Does to the sequences what the engine does after a step.
void Advance(Scheduler& scheduler, const Plan& plan) {
  for (const PlannedRun& run : plan.runs) {
    Sequence& sequence = *run.sequence;
    scheduler.Commit(sequence, run.first + run.count);
    const int results = run.first + run.count - run.first_logit;
    sequence.delivered += results;
    if (sequence.request.forced.empty() && results > 0) sequence.tokens.push_back(3);
  }
}

std::map<RequestId, int> Rows(const Plan& plan) {
  std::map<RequestId, int> rows;
  for (const PlannedRun& run : plan.runs) rows[run.sequence->id] = run.count;
  return rows;
}

int LogitRows(const Plan& plan) {
  int rows = 0;
  for (const PlannedRun& run : plan.runs) rows += run.first + run.count - run.first_logit;
  return rows;
}

std::vector<RequestId> Admitted(const Plan& plan) {
  std::vector<RequestId> ids;
  for (const Sequence* sequence : plan.admitted) ids.push_back(sequence->id);
  return ids;
}

TEST(Scheduler, CutsALongPromptIntoChunksAndAsksForOneRowOfLogits) {
  Scheduler scheduler(Limits());
  scheduler.Add(Request(1, 35));
  std::vector<int> chunks;
  std::vector<int> logits;
  for (int step = 0; step < 5; ++step) {
    const Plan& plan = scheduler.PlanStep();
    chunks.push_back(Rows(plan)[1]);
    logits.push_back(LogitRows(plan));
    Advance(scheduler, plan);
  }
  EXPECT_THAT(chunks, ElementsAre(16, 16, 3, 1, 1));
  EXPECT_THAT(logits, ElementsAre(0, 0, 1, 1, 1));
}

TEST(Scheduler, EveryDecodingSequenceHasARowWhileALongPromptComesIn) {
  Scheduler scheduler(Limits());
  for (RequestId id = 1; id <= 3; ++id) scheduler.Add(Request(id, 2));
  Advance(scheduler, scheduler.PlanStep());
  scheduler.Add(Request(4, 100));
  for (int step = 0; step < 7; ++step) {
    const Plan& plan = scheduler.PlanStep();
    std::map<RequestId, int> rows = Rows(plan);
    EXPECT_EQ(rows[1] + rows[2] + rows[3], 3);
    EXPECT_EQ(rows[4], 13);
    Advance(scheduler, plan);
  }
}

TEST(Scheduler, ALongPromptGoesInSlicesWhileOthersDecode) {
  SchedulerLimits limits = Limits();
  limits.step_token_budget = 512;
  limits.untimed_prompt_rows = 16;
  Scheduler scheduler(limits);
  scheduler.Add(Request(1, 2));
  Advance(scheduler, scheduler.PlanStep());
  scheduler.Add(Request(2, 100));
  EXPECT_THAT(Rows(scheduler.PlanStep()), ElementsAre(std::pair(1, 1), std::pair(2, 16)));
  Remove(scheduler, 1);
  EXPECT_THAT(Rows(scheduler.PlanStep()), ElementsAre(std::pair(2, 100)));
}

TEST(Scheduler, AShortPromptIsNotStuckBehindALongOne) {
  Scheduler scheduler(Limits());
  scheduler.Add(Request(1, 200));
  scheduler.Add(Request(2, 8));
  const Plan& plan = scheduler.PlanStep();
  EXPECT_THAT(Rows(plan), ElementsAre(std::pair(1, 8), std::pair(2, 8)));
  EXPECT_EQ(LogitRows(plan), 1);
}

TEST(Scheduler, PromptsMoveEvenWhenDecodingTakesTheWholeBudget) {
  SchedulerLimits limits = Limits();
  limits.step_token_budget = 2;
  Scheduler scheduler(limits);
  for (RequestId id = 1; id <= 4; ++id) scheduler.Add(Request(id, 1));
  Advance(scheduler, scheduler.PlanStep());
  scheduler.Add(Request(5, 3));
  const Plan& plan = scheduler.PlanStep();
  EXPECT_EQ(plan.runs.size(), 5u);
  EXPECT_EQ(Rows(plan)[5], 1);
}

TEST(Scheduler, RowsOfOneSequenceAreContiguousAndInsideItsBlocks) {
  Scheduler scheduler(Limits());
  scheduler.Add(Request(1, 30));
  scheduler.Add(Request(2, 30));
  for (int step = 0; step < 40; ++step) {
    const Plan& plan = scheduler.PlanStep();
    for (const PlannedRun& run : plan.runs) {
      EXPECT_EQ(run.first, run.sequence->computed);
      EXPECT_LE(run.first + run.count, static_cast<int>(run.sequence->blocks.size()) * kBlock);
    }
    Advance(scheduler, plan);
  }
}

TEST(Scheduler, TenantsTakeTurns) {
  SchedulerLimits limits = Limits();
  limits.max_sequences = 1;
  Scheduler scheduler(limits);
  for (RequestId id = 1; id <= 3; ++id) scheduler.Add(Request(id, 1, "many"));
  scheduler.Add(Request(4, 1, "few"));
  scheduler.Add(Request(5, 1, "other"));
  std::vector<RequestId> order;
  while (scheduler.has_work()) {
    const Plan& plan = scheduler.PlanStep();
    for (const RequestId id : Admitted(plan)) order.push_back(id);
    ASSERT_EQ(plan.runs.size(), 1u);
    Remove(scheduler, plan.runs[0].sequence->id);
  }
  EXPECT_THAT(order, ElementsAre(1, 4, 5, 2, 3));
}

TEST(Scheduler, NobodyOvertakesAPromptThatWaitsForBlocks) {
  SchedulerLimits limits = Limits();
  limits.total_blocks = 10;
  Scheduler scheduler(limits);
  scheduler.Add(Request(1, 20));
  scheduler.Add(Request(2, 24));
  scheduler.Add(Request(3, 1));
  EXPECT_THAT(Admitted(scheduler.PlanStep()), ElementsAre(1));
  EXPECT_EQ(scheduler.queued(), 2);
  Remove(scheduler, 1);
  EXPECT_THAT(Admitted(scheduler.PlanStep()), ElementsAre(2, 3));
}

TEST(Scheduler, TheYoungestGivesWayAndComesBackWithEverythingItHad) {
  SchedulerLimits limits = Limits();
  limits.total_blocks = 4;
  Scheduler scheduler(limits);
  scheduler.Add(Request(1, 4));
  scheduler.Add(Request(2, 4));
  scheduler.Add(Request(3, 1));
  std::map<RequestId, int> delivered;
  bool preempted = false;
  for (int step = 0; step < 60 && scheduler.has_work(); ++step) {
    const Plan& plan = scheduler.PlanStep();
    ASSERT_FALSE(plan.runs.empty());
    preempted |= scheduler.running() < 2 && scheduler.queued() > 0;
    Advance(scheduler, plan);
    for (const PlannedRun& run : plan.runs) {
      delivered[run.sequence->id] = run.sequence->delivered;
      EXPECT_EQ(run.sequence->tokens.size(),
                run.sequence->request.prompt.size() + run.sequence->delivered);
      // 12 positions: three blocks of the four there are.
      if (run.sequence->tokens.size() >= 12) Remove(scheduler, run.sequence->id);
    }
  }
  EXPECT_TRUE(preempted);
  EXPECT_FALSE(scheduler.has_work());
  EXPECT_THAT(delivered, ElementsAre(std::pair(1, 8), std::pair(2, 8), std::pair(3, 11)));
  EXPECT_EQ(scheduler.cache().used(), 0);
}

TEST(Scheduler, APreemptedSequenceAsksOnlyForTheLogitsItStillOwes) {
  SchedulerLimits limits = Limits();
  limits.total_blocks = 3;
  Scheduler scheduler(limits);
  scheduler.Add(Request(1, 3));
  scheduler.Add(Request(2, 3));
  int steps = 0;
  while (scheduler.running() == 2 || steps == 0) {
    Advance(scheduler, scheduler.PlanStep());
    ++steps;
  }
  Remove(scheduler, 1);
  const Plan& plan = scheduler.PlanStep();
  ASSERT_EQ(plan.runs.size(), 1u);
  EXPECT_EQ(plan.runs[0].first, 0);
  EXPECT_GT(plan.runs[0].count, 3);
  EXPECT_EQ(LogitRows(plan), 1);
}

TEST(Scheduler, ForcedTokensGetOneRowOfLogitsEachAndNoMoreThanTheBufferHolds) {
  SchedulerLimits limits = Limits();
  limits.max_forced_logit_rows = 5;
  Scheduler scheduler(limits);
  scheduler.Add(Forced(1, 10, 13));
  scheduler.Add(Forced(2, 1, 6));
  int delivered[3] = {0, 0, 0};
  for (int step = 0; step < 20 && scheduler.has_work(); ++step) {
    const Plan& plan = scheduler.PlanStep();
    ASSERT_FALSE(plan.runs.empty());
    EXPECT_LE(LogitRows(plan), 5);
    Advance(scheduler, plan);
    for (const PlannedRun& run : plan.runs) {
      delivered[run.sequence->id] = run.sequence->delivered;
      if (run.sequence->pending() == 0) Remove(scheduler, run.sequence->id);
    }
  }
  EXPECT_FALSE(scheduler.has_work());
  EXPECT_EQ(delivered[1], 13);
  EXPECT_EQ(delivered[2], 6);
}

TEST(Scheduler, RemovingASequenceFreesItsBlocksWhereverItIs) {
  SchedulerLimits limits = Limits();
  limits.max_sequences = 1;
  Scheduler scheduler(limits);
  scheduler.Add(Request(1, 9));
  scheduler.Add(Request(2, 9));
  scheduler.PlanStep();
  EXPECT_EQ(scheduler.cache().used(), 3);
  EXPECT_TRUE(Remove(scheduler, 2));
  EXPECT_TRUE(Remove(scheduler, 1));
  EXPECT_FALSE(Remove(scheduler, 1));
  EXPECT_EQ(scheduler.cache().used(), 0);
  EXPECT_FALSE(scheduler.has_work());
}

std::vector<RequestId> Running(const Plan& plan) {
  std::vector<RequestId> ids;
  for (const PlannedRun& run : plan.runs) ids.push_back(run.sequence->id);
  return ids;
}

TEST(Scheduler, TheImportantGoFirst) {
  SchedulerLimits limits = Limits();
  limits.max_sequences = 1;
  Scheduler scheduler(limits);
  scheduler.Add(Request(1, 1, "a", Priority::kLow));
  scheduler.Add(Request(2, 1, "a"));
  scheduler.Add(Request(3, 1, "b", Priority::kHigh));
  std::vector<RequestId> order;
  while (scheduler.has_work()) {
    const Plan& plan = scheduler.PlanStep();
    order.push_back(plan.runs.at(0).sequence->id);
    Remove(scheduler, order.back());
  }
  EXPECT_THAT(order, ElementsAre(3, 2, 1));
}

TEST(Scheduler, AnUnimportantOneMakesRoomAtOnce) {
  SchedulerLimits limits = Limits();
  limits.max_sequences = 2;
  Scheduler scheduler(limits);
  scheduler.Add(Request(1, 1, "a", Priority::kLow));
  scheduler.Add(Request(2, 1, "a"));
  Advance(scheduler, scheduler.PlanStep());
  scheduler.Add(Request(3, 1, "a"));
  EXPECT_THAT(Running(scheduler.PlanStep()), ElementsAre(2, 3));
  // Equals do not push each other out.
  scheduler.Add(Request(4, 1, "a"));
  EXPECT_THAT(Running(scheduler.PlanStep()), ElementsAre(2, 3));
  Remove(scheduler, 2);
  EXPECT_THAT(Running(scheduler.PlanStep()), ElementsAre(3, 4));
  Remove(scheduler, 3);
  EXPECT_THAT(Running(scheduler.PlanStep()), ElementsAre(4, 1));
}

TEST(Scheduler, BlocksAreTakenFromTheUnimportant) {
  SchedulerLimits limits = Limits();
  limits.total_blocks = 4;
  Scheduler scheduler(limits);
  scheduler.Add(Request(1, 8, "a", Priority::kLow));
  Advance(scheduler, scheduler.PlanStep());
  scheduler.Add(Request(2, 12, "a"));
  EXPECT_THAT(Running(scheduler.PlanStep()), ElementsAre(2));
  EXPECT_EQ(scheduler.preemptions(), 1u);
}

TEST(Scheduler, PromptRowsGoToTheImportantFirst) {
  Scheduler scheduler(Limits());
  scheduler.Add(Request(1, 100, "a", Priority::kLow));
  Advance(scheduler, scheduler.PlanStep());
  scheduler.Add(Request(2, 12, "b"));
  EXPECT_EQ(Rows(scheduler.PlanStep()), (std::map<RequestId, int>{{2, 12}, {1, 4}}));
}

TEST(Scheduler, TenantsShareThePromptRowsOfAStep) {
  Scheduler scheduler(Limits());
  for (RequestId id = 1; id <= 4; ++id) scheduler.Add(Request(id, 100, "many"));
  scheduler.Add(Request(5, 100, "few"));
  const std::map<RequestId, int> rows = Rows(scheduler.PlanStep());
  EXPECT_EQ(rows.at(5), 8);
  int sum = 0;
  for (const auto& [id, count] : rows) sum += count;
  EXPECT_EQ(sum, 16);
}

TEST(Scheduler, ATenantWithTooManyPlacesMakesRoomAfterItsTurn) {
  SchedulerLimits limits = Limits();
  limits.max_sequences = 4;
  limits.turn_steps = 3;
  Scheduler scheduler(limits);
  for (RequestId id = 1; id <= 5; ++id) scheduler.Add(Request(id, 1, "many"));
  Advance(scheduler, scheduler.PlanStep());
  for (RequestId id = 6; id <= 8; ++id) scheduler.Add(Request(id, 1, "few"));
  std::vector<std::vector<RequestId>> steps;
  for (int i = 0; i < 5; ++i) {
    const Plan& plan = scheduler.PlanStep();
    steps.push_back(Running(plan));
    Advance(scheduler, plan);
  }
  EXPECT_THAT(steps[1], ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(steps[2], ElementsAre(1, 2, 6, 7));
  // Two each: nobody has too many any more.
  EXPECT_THAT(steps[4], ElementsAre(1, 2, 6, 7));
}

TEST(Scheduler, MoreTenantsThanPlacesTakeTurns) {
  SchedulerLimits limits = Limits();
  limits.max_sequences = 1;
  limits.turn_steps = 2;
  Scheduler scheduler(limits);
  for (RequestId id = 1; id <= 3; ++id) scheduler.Add(Request(id, 1, std::string(1, 'a' + id)));
  std::map<RequestId, int> steps;
  for (int i = 0; i < 12; ++i) {
    const Plan& plan = scheduler.PlanStep();
    ++steps[plan.runs.at(0).sequence->id];
    Advance(scheduler, plan);
  }
  EXPECT_EQ(steps, (std::map<RequestId, int>{{1, 4}, {2, 4}, {3, 4}}));
}

TEST(Scheduler, APreemptedSequenceContinuesWhereItsBlocksSurvive) {
  SchedulerLimits limits = Limits();
  limits.prefix_cache = true;
  limits.max_sequences = 1;
  Scheduler scheduler(limits);
  scheduler.Add(Request(1, 10, "a", Priority::kLow));
  Advance(scheduler, scheduler.PlanStep());
  Advance(scheduler, scheduler.PlanStep());
  scheduler.Add(Request(2, 4, "b"));
  Advance(scheduler, scheduler.PlanStep());
  Remove(scheduler, 2);
  const Plan& plan = scheduler.PlanStep();
  ASSERT_EQ(plan.runs.size(), 1u);
  EXPECT_EQ(plan.runs[0].sequence->id, 1u);
  EXPECT_EQ(plan.runs[0].first, 11);  // two whole blocks and the copy of the third
  ASSERT_EQ(plan.copies.size(), 1u);
  EXPECT_EQ(plan.copies[0].to, plan.runs[0].sequence->blocks[2]);
}

TEST(Scheduler, OneComputesWhatOthersNeedToo) {
  SchedulerLimits limits = Limits();
  limits.prefix_cache = true;
  Scheduler scheduler(limits);
  for (RequestId id = 1; id <= 3; ++id) scheduler.Add(Request(id, 18));
  Advance(scheduler, scheduler.PlanStep());
  const Plan& plan = scheduler.PlanStep();
  ASSERT_EQ(plan.runs.size(), 3u);
  for (const PlannedRun& run : plan.runs) EXPECT_EQ(run.first, 16);
  EXPECT_EQ(scheduler.cache().used(), 4 + 3);
}

}  // namespace
}  // namespace dure::engine
