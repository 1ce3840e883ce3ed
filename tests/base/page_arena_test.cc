#include "base/page_arena.h"

#include <gtest/gtest.h>

#include <vector>

namespace dure {
namespace {

TEST(PageArena, GivesZeroedAlignedPiecesThatDoNotOverlap) {
  PageArena arena(4096);
  std::vector<std::shared_ptr<uint8_t>> pieces;
  for (const size_t bytes : {size_t{1}, size_t{64}, size_t{3000}, size_t{100000}, size_t{7}}) {
    pieces.push_back(arena.Allocate(bytes));
    ASSERT_NE(pieces.back(), nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(pieces.back().get()) % 64, 0U);
    for (size_t i = 0; i < bytes; ++i) {
      ASSERT_EQ(pieces.back().get()[i], 0);
      pieces.back().get()[i] = 0xff;
    }
  }
}

TEST(PageArena, PiecesOutliveTheArena) {
  std::shared_ptr<uint8_t> piece;
  {
    PageArena arena(1 << 20);
    piece = arena.Allocate(1000);
    arena.Allocate(2000);
  }
  ASSERT_NE(piece, nullptr);
  piece.get()[999] = 1;
  EXPECT_EQ(piece.get()[999], 1);
}

TEST(PageArena, RefusesWhatNoMachineHas) {
  PageArena arena;
  EXPECT_EQ(arena.Allocate(SIZE_MAX), nullptr);
  EXPECT_EQ(arena.Allocate(SIZE_MAX / 4), nullptr);
  EXPECT_NE(arena.Allocate(64), nullptr);
}

TEST(ReservePages, StandsOnALargePage) {
  const auto pages = ReservePages(kLargePage + 1);
  ASSERT_NE(pages, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(pages.get()) % kLargePage, 0U);
  pages.get()[kLargePage] = 1;
}

}  // namespace
}  // namespace dure
