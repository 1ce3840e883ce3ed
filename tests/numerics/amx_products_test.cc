// Products by AMX tiles against AVX-512, bit by bit, at the sizes where tiles, panels and runs of
// groups begin and end, and that few rows leave the tiles alone. AVX-512 itself is held against the
// reference in matmul_test.cc, and so is AMX at small sizes.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <tuple>

#include "tests/numerics/random_data.h"

namespace dure::numerics {
namespace {

using testing::Quantized;

class AmxProducts : public ::testing::TestWithParam<BlockType> {
 protected:
  void SetUp() override {
    if (!testing::ProvideAmx()) GTEST_SKIP() << "needs AVX-512";
  }
};

std::string TypeName(const ::testing::TestParamInfo<BlockType>& info) {
  return std::string(InfoOf(info.param).name);
}

std::vector<float> Product(Isa isa, const PackedMatrix& w, const std::vector<float>& x,
                           int64_t row_begin, int64_t row_end) {
  const Kernels& kernels = *UncheckedKernelsFor(isa);
  const auto rows = static_cast<int64_t>(x.size()) / w.cols();
  Quantized q(rows, w.cols(), LayoutOf(w.type()).block);
  kernels.quantize(x.data(), w.cols(), 0, rows, &q.view);
  std::vector<float> y(rows * w.rows(), -1.0f);
  const ProductOut out = {y.data(), w.rows(), nullptr, false};
  kernels.matmul(&w.view(), &q.view, row_begin, row_end, 0, w.groups(), &out);
  return y;
}

void ExpectSame(const PackedMatrix& w, const std::vector<float>& x, int64_t row_begin,
                int64_t row_end, const char* what) {
  const auto expected = Product(Isa::kAvx512, w, x, row_begin, row_end);
  const auto actual = Product(Isa::kAmx, w, x, row_begin, row_end);
  EXPECT_EQ(0, std::memcmp(expected.data(), actual.data(), actual.size() * 4)) << what;
  EXPECT_FALSE(testing::TilesInUse());
}

TEST_P(AmxProducts, EveryNumberOfRowsAndGroups) {
  std::mt19937 rng(1);
  for (const auto& [rows, outputs, cols] : {std::tuple<int64_t, int64_t, int64_t>{8, 1, 256},
                                            {15, 33, 512},
                                            {16, 160, 256},
                                            {24, 48, 768},
                                            {39, 16, 256},
                                            {48, 100, 512},
                                            {65, 40, 256}}) {
    const PackedMatrix w = testing::Pack(GetParam(), outputs, cols,
                                         testing::RandomRows(GetParam(), outputs, cols, rng));
    const auto x = testing::RandomFloats(rows * cols, rng, 3);
    ExpectSame(w, x, 0, rows, "all rows");
    ExpectSame(w, x, 3, rows, "rows from the third on");
  }
}

/// Types of one block size are cut alike.
class AmxPanels : public AmxProducts {};

TEST_P(AmxPanels, SeveralPanelsAndRuns) {
  std::mt19937 rng(2);
  const int64_t cols = 16384;  // 2 tiles a panel, and runs of one group
  const PackedMatrix w =
      testing::Pack(GetParam(), 32, cols, testing::RandomRows(GetParam(), 32, cols, rng));
  ExpectSame(w, testing::RandomFloats(60 * cols, rng), 0, 60, "60 rows");
}

TEST_P(AmxProducts, ExtremeCodesAndActivations) {
  std::mt19937 rng(3);
  const int64_t cols = 512;
  const int64_t rows = 32;
  std::vector<float> x = testing::RandomFloats(rows * cols, rng);
  for (int64_t i = 0; i < cols; ++i) {
    x[i] = 1.0f;  // codes of 127
    x[cols + i] = -1.0f;
    x[2 * cols + i] = 0.0f;
    x[3 * cols + i] = i % 2 == 0 ? 1.0f : -1.0f;
    x[4 * cols + i] = 1e-35f;
    x[5 * cols + i] = 3e38f;
  }
  x[6 * cols] = std::numeric_limits<float>::quiet_NaN();
  x[7 * cols + 300] = std::numeric_limits<float>::infinity();
  for (const int byte : {0x00, 0x7f, 0x80, 0xff, 0x0f, 0xf0}) {
    auto data = testing::RandomRows(GetParam(), 16, cols, rng);
    const auto scales = data;
    const int block_bytes = InfoOf(GetParam()).block_bytes;
    for (std::byte& b : data) b = static_cast<std::byte>(byte);
    for (size_t at = 0; at < data.size(); at += block_bytes) {
      for (const int offset : testing::ScaleOffsets(GetParam())) {
        std::memcpy(&data[at + offset], &scales[at + offset], 2);
      }
      if (GetParam() == BlockType::kMXFP4) data[at] = scales[at];
    }
    const PackedMatrix w = testing::Pack(GetParam(), 16, cols, data);
    ExpectSame(w, x, 0, rows, "extremes");
  }
}

TEST_P(AmxProducts, FewRowsLeaveTheTilesAlone) {
  if (!testing::AmxIsEmulated()) GTEST_SKIP() << "only the emulator counts instructions";
  std::mt19937 rng(4);
  const PackedMatrix w =
      testing::Pack(GetParam(), 32, 256, testing::RandomRows(GetParam(), 32, 256, rng));
  const auto x = testing::RandomFloats(32 * 256, rng);
  const uint64_t before = testing::EmulatedAmxInstructions();
  Product(Isa::kAmx, w, x, 0, 7);
  EXPECT_EQ(testing::EmulatedAmxInstructions(), before);
  Product(Isa::kAmx, w, x, 0, 8);
  const uint64_t padded = testing::EmulatedAmxInstructions() - before;
  EXPECT_GT(padded, 0u);
  Product(Isa::kAmx, w, x, 0, 23);  // a tile, and seven rows beside it
  EXPECT_EQ(testing::EmulatedAmxInstructions() - before, 2 * padded);
}

INSTANTIATE_TEST_SUITE_P(Types, AmxProducts,
                         ::testing::Values(BlockType::kQ4_0, BlockType::kQ4_1, BlockType::kQ5_0,
                                           BlockType::kQ5_1, BlockType::kQ8_0, BlockType::kQ2_K,
                                           BlockType::kQ3_K, BlockType::kQ4_K, BlockType::kQ5_K,
                                           BlockType::kQ6_K, BlockType::kIQ4_NL, BlockType::kIQ4_XS,
                                           BlockType::kMXFP4),
                         TypeName);

INSTANTIATE_TEST_SUITE_P(Types, AmxPanels, ::testing::Values(BlockType::kQ4_1, BlockType::kQ4_K),
                         TypeName);

}  // namespace
}  // namespace dure::numerics
