#include "base/thread_team.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

namespace dure {
namespace {

TEST(ThreadTeam, RunsEveryMemberOnce) {
  for (int threads : {1, 2, 3, 8}) {
    ThreadTeam team(threads);
    for (int round = 0; round < 200; ++round) {
      std::vector<std::atomic<int>> calls(threads);
      team.Run([&](int member) { ++calls[member]; });
      for (auto& count : calls) EXPECT_EQ(count.load(), 1);
    }
  }
}

TEST(ThreadTeam, BarrierSeparatesPhases) {
  ThreadTeam team(3);
  std::vector<int> first(3);
  std::vector<int> sums(3);
  for (int round = 1; round <= 300; ++round) {
    team.Run([&](int member) {
      first[member] = round * (member + 1);
      team.Barrier();
      sums[member] = first[0] + first[1] + first[2];
      team.Barrier();
    });
    for (int sum : sums) ASSERT_EQ(sum, 6 * round);
  }
}

TEST(ThreadTeam, SharesCoverTheWholeRangeInOrder) {
  for (int64_t count : {0, 1, 7, 64, 1000}) {
    int64_t next = 0;
    for (int member = 0; member < 5; ++member) {
      const auto [begin, end] = ThreadTeam::Share(count, member, 5);
      EXPECT_EQ(begin, next);
      EXPECT_GE(end, begin);
      next = end;
    }
    EXPECT_EQ(next, count);
  }
}

TEST(AvailableCores, IsPositive) { EXPECT_GE(AvailableCores(), 1); }

}  // namespace
}  // namespace dure
