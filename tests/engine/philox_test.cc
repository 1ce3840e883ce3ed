#include "engine/philox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace dure::engine {
namespace {

using testing::ElementsAre;

// The known answers that the generator's authors publish with it.
TEST(Philox, GivesTheKnownAnswers) {
  EXPECT_THAT(Philox4x32({0, 0, 0, 0}, {0, 0}),
              ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  EXPECT_THAT(Philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
              ElementsAre(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
  EXPECT_THAT(
      Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
      ElementsAre(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
}

TEST(Philox, TokensOfDifferentSeedsChoicesAndPositionsAreIndependent) {
  std::set<double> numbers;
  double sum = 0;
  for (uint64_t seed : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 32, ~uint64_t{0}}) {
    for (uint32_t choice = 0; choice < 4; ++choice) {
      for (uint32_t position = 0; position < 500; ++position) {
        const double number = UniformForToken(seed, choice, position);
        EXPECT_GE(number, 0.0);
        EXPECT_LT(number, 1.0);
        numbers.insert(number);
        sum += number;
      }
    }
  }
  EXPECT_EQ(numbers.size(), 8000u);
  EXPECT_NEAR(sum / 8000, 0.5, 0.02);
}

}  // namespace
}  // namespace dure::engine
