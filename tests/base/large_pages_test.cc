#include "base/large_pages.h"

#include <gtest/gtest.h>

#include <cstring>

namespace dure {
namespace {

TEST(LargePageGatherer, MovesMemoryWithoutChangingIt) {
  PageArena arena(3 * kLargePage);
  const auto first = arena.Allocate(kLargePage + 100);
  const auto second = arena.Allocate(kLargePage);
  std::memset(first.get(), 1, kLargePage + 100);
  std::memset(second.get(), 2, kLargePage);
  PageArena growing(2 * kLargePage);
  const auto third = growing.Allocate(2 * kLargePage);
  third.get()[5] = 3;
  LargePageGatherer gatherer(arena.regions(), growing.regions(), std::chrono::hours(1));
  for (int i = 0; i < 1000; ++i) second.get()[i] = static_cast<uint8_t>(i);  // in use meanwhile
  gatherer.Finish();
  EXPECT_EQ(third.get()[5], 3);
  EXPECT_EQ(third.get()[kLargePage], 0);
  for (size_t i = 0; i < kLargePage + 100; ++i) ASSERT_EQ(first.get()[i], 1);
  for (size_t i = 0; i < kLargePage; ++i) {
    ASSERT_EQ(second.get()[i], i < 1000 ? static_cast<uint8_t>(i) : 2);
  }
}

TEST(LargePageGatherer, StopsWhenNobodyWaits) {
  PageArena arena(size_t{64} << 20);
  arena.Allocate(size_t{64} << 20);
  const LargePageGatherer at_once(arena.regions(), {}, std::chrono::milliseconds(0));
  const LargePageGatherer later(arena.regions(), {}, std::chrono::hours(1));
}

}  // namespace
}  // namespace dure
