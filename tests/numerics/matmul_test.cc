// Products: every instruction set against the reference bit by bit, the reference against float64
// arithmetic, and the re-laid weights against the file's.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "numerics/blocks.h"
#include "tests/numerics/random_data.h"

namespace dure::numerics {
namespace {

using testing::FastKernels;
using testing::IsFloat;
using testing::Quantized;

class EveryType : public ::testing::TestWithParam<BlockType> {};

std::string TypeName(const ::testing::TestParamInfo<BlockType>& info) {
  return std::string(InfoOf(info.param).name);
}

std::vector<float> Product(const Kernels& kernels, const PackedMatrix& w,
                           const std::vector<float>& x, int64_t rows, const float* bias = nullptr,
                           const std::vector<float>* add_to = nullptr) {
  std::vector<float> y = add_to != nullptr ? *add_to : std::vector<float>(rows * w.rows(), -1.0f);
  const ProductOut out = {y.data(), w.rows(), bias, add_to != nullptr};
  const int64_t middle = w.groups() / 2;
  if (IsFloat(w.type())) {
    kernels.matmul_float(&w.view(), x.data(), w.cols(), 0, rows, 0, middle, &out);
    kernels.matmul_float(&w.view(), x.data(), w.cols(), 0, rows, middle, w.groups(), &out);
    return y;
  }
  Quantized q(rows, w.cols(), LayoutOf(w.type()).block);
  kernels.quantize(x.data(), w.cols(), 0, rows, &q.view);
  kernels.matmul(&w.view(), &q.view, 0, rows, 0, middle, &out);
  kernels.matmul(&w.view(), &q.view, 0, rows, middle, w.groups(), &out);
  return y;
}

TEST_P(EveryType, RelaidRowsAreTheFilesRows) {
  std::mt19937 rng(1);
  const int64_t rows = 37;
  const int64_t cols = 768;
  const auto data = testing::RandomRows(GetParam(), rows, cols, rng);
  const PackedMatrix w = testing::Pack(GetParam(), rows, cols, data);
  std::vector<float> expected(cols);
  std::vector<float> actual(cols);
  for (int64_t row = 0; row < rows; ++row) {
    DequantizeBlocks(GetParam(), data.data() + row * w.file_row_bytes(), expected);
    w.DequantizeRow(row, actual);
    ASSERT_EQ(0, std::memcmp(expected.data(), actual.data(), cols * 4)) << "row " << row;
  }
}

TEST_P(EveryType, ReferenceIsCloseToExactArithmetic) {
  std::mt19937 rng(2);
  const int64_t rows = 33;
  const int64_t cols = 512;
  const PackedMatrix w =
      testing::Pack(GetParam(), rows, cols, testing::RandomRows(GetParam(), rows, cols, rng));
  const auto x = testing::RandomFloats(cols, rng);
  const auto y = Product(*KernelsFor(Isa::kReference), w, x, 1);
  std::vector<float> row(cols);
  for (int64_t o = 0; o < rows; ++o) {
    w.DequantizeRow(o, row);
    double exact = 0;
    double size = 0;
    for (int64_t k = 0; k < cols; ++k) {
      exact += static_cast<double>(row[k]) * x[k];
      size += std::pow(static_cast<double>(row[k]), 2);
    }
    // An activation's error is at most half a code, 1/254 of its block's maximum (below 5 here),
    // and errors are independent.
    EXPECT_NEAR(y[o], exact, 5.0 / 254 * 4 * std::sqrt(size) + 1e-6) << "output " << o;
  }
}

TEST_P(EveryType, AllInstructionSetsGiveTheSameBits) {
  std::mt19937 rng(3);
  for (const auto& [rows, outputs, cols] : {std::tuple<int64_t, int64_t, int64_t>{1, 48, 256},
                                            {2, 16, 1024},
                                            {3, 17, 768},
                                            {19, 40, 512},
                                            {37, 65, 256}}) {
    const PackedMatrix w = testing::Pack(GetParam(), outputs, cols,
                                         testing::RandomRows(GetParam(), outputs, cols, rng));
    const auto x = testing::RandomFloats(rows * cols, rng, 3);
    const auto bias = testing::RandomFloats(outputs, rng);
    const auto residual = testing::RandomFloats(rows * outputs, rng);
    const Kernels& reference = *KernelsFor(Isa::kReference);
    const auto plain = Product(reference, w, x, rows);
    const auto full = Product(reference, w, x, rows, bias.data(), &residual);
    for (const Kernels* kernels : FastKernels()) {
      const auto y = Product(*kernels, w, x, rows);
      EXPECT_EQ(0, std::memcmp(plain.data(), y.data(), y.size() * 4)) << kernels->name;
      const auto z = Product(*kernels, w, x, rows, bias.data(), &residual);
      EXPECT_EQ(0, std::memcmp(full.data(), z.data(), z.size() * 4)) << kernels->name;
    }
  }
}

TEST_P(EveryType, RowsDoNotDependOnTheirNeighbours) {
  std::mt19937 rng(4);
  const int64_t cols = 512;
  const PackedMatrix w =
      testing::Pack(GetParam(), 32, cols, testing::RandomRows(GetParam(), 32, cols, rng));
  const auto x = testing::RandomFloats(23 * cols, rng);
  for (const Kernels* kernels : FastKernels()) {
    const auto together = Product(*kernels, w, x, 23);
    for (int64_t row = 0; row < 23; ++row) {
      const std::vector<float> one(x.begin() + row * cols, x.begin() + (row + 1) * cols);
      const auto alone = Product(*kernels, w, one, 1);
      EXPECT_EQ(0, std::memcmp(alone.data(), &together[row * 32], 32 * 4)) << kernels->name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, EveryType, ::testing::ValuesIn(testing::kAllTypes), TypeName);

TEST(Packing, RefusesScalesThatAreNotFinite) {
  std::mt19937 rng(5);
  PageArena arena;
  for (const BlockType type : testing::kAllTypes) {
    if (IsFloat(type)) continue;
    auto data = testing::RandomRows(type, 16, 256, rng);
    PackedMatrix m = *PackedMatrix::Allocate(type, 16, 256, &arena);
    const std::byte* rows[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) rows[lane] = data.data() + lane * m.file_row_bytes();
    const uint16_t infinity = 0x7c00;
    const auto offsets = testing::ScaleOffsets(type);
    if (offsets.empty()) {
      data[0] = std::byte{0xff};
    } else {
      std::memcpy(data.data() + offsets.back(), &infinity, 2);
    }
    EXPECT_FALSE(m.PackGroup(0, rows)) << InfoOf(type).name;
  }
}

TEST(Packing, RefusesShapesThatAreNotWholeBlocks) {
  PageArena arena;
  EXPECT_FALSE(PackedMatrix::Allocate(BlockType::kQ4_K, 16, 128, &arena).has_value());
  EXPECT_FALSE(PackedMatrix::Allocate(BlockType::kQ8_0, 16, 33, &arena).has_value());
  EXPECT_FALSE(PackedMatrix::Allocate(BlockType::kF32, 0, 32, &arena).has_value());
}

}  // namespace
}  // namespace dure::numerics
