#include "engine/block_allocator.h"

#include <gtest/gtest.h>

#include <set>

namespace dure::engine {
namespace {

TEST(BlockAllocator, GivesEveryBlockOnceAndThenNothing) {
  BlockAllocator blocks(5);
  std::set<int32_t> taken;
  for (int i = 0; i < 5; ++i) taken.insert(blocks.Allocate().value());
  EXPECT_EQ(taken, (std::set<int32_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(blocks.Allocate(), std::nullopt);
  EXPECT_EQ(blocks.used(), 5);
}

TEST(BlockAllocator, ABlockIsFreeOnlyWhenItsLastUserLeft) {
  BlockAllocator blocks(1);
  const int32_t block = blocks.Allocate().value();
  blocks.AddReference(block);
  blocks.Release(block);
  EXPECT_EQ(blocks.available(), 0);
  blocks.Release(block);
  EXPECT_EQ(blocks.available(), 1);
  EXPECT_EQ(blocks.Allocate(), block);
}

}  // namespace
}  // namespace dure::engine
