#include "base/memory.h"

#include <gtest/gtest.h>

namespace dure {
namespace {

TEST(AvailableMemory, IsThatOfAMachineWhichCanRunThisTest) {
  EXPECT_GT(AvailableMemory(), uint64_t{16} << 20);
  EXPECT_LT(AvailableMemory(), uint64_t{1} << 50);
}

}  // namespace
}  // namespace dure
