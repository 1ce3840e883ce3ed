// Random matrices and activations for the numerics tests.
#pragma once

#include <cstring>
#include <random>
#include <vector>

#include "numerics/block_type.h"
#include "numerics/float16.h"
#include "numerics/kernels.h"
#include "numerics/packed_matrix.h"
#include "tests/numerics/amx_emulator.h"

namespace dure::numerics::testing {

inline constexpr BlockType kAllTypes[] = {
    BlockType::kF32,  BlockType::kF16,    BlockType::kBF16,   BlockType::kQ4_0,
    BlockType::kQ4_1, BlockType::kQ5_0,   BlockType::kQ5_1,   BlockType::kQ8_0,
    BlockType::kQ2_K, BlockType::kQ3_K,   BlockType::kQ4_K,   BlockType::kQ5_K,
    BlockType::kQ6_K, BlockType::kIQ4_NL, BlockType::kIQ4_XS, BlockType::kMXFP4};

inline bool IsFloat(BlockType type) { return InfoOf(type).block_values == 1; }

/// Byte offsets of the float16 scales inside a block.
inline std::vector<int> ScaleOffsets(BlockType type) {
  switch (type) {
    case BlockType::kQ4_1:
    case BlockType::kQ5_1:
    case BlockType::kQ4_K:
    case BlockType::kQ5_K:
      return {0, 2};
    case BlockType::kQ2_K:
      return {80, 82};
    case BlockType::kQ3_K:
      return {108};
    case BlockType::kQ6_K:
      return {208};
    case BlockType::kMXFP4:
      return {};
    default:
      return {0};
  }
}

/// Rows of random blocks as a file would hold them; scales are finite, everything else is any bits.
inline std::vector<std::byte> RandomRows(BlockType type, int64_t rows, int64_t cols,
                                         std::mt19937& rng) {
  const BlockTypeInfo& info = InfoOf(type);
  std::vector<std::byte> data(static_cast<size_t>(rows * (cols / info.block_values)) *
                              info.block_bytes);
  std::normal_distribution<float> normal(0, 1);
  if (IsFloat(type)) {
    for (size_t i = 0; i < data.size() / info.block_bytes; ++i) {
      const float f = normal(rng);
      const uint16_t half = FloatToHalf(f);
      const auto bf = static_cast<uint16_t>(std::bit_cast<uint32_t>(f) >> 16);
      if (type == BlockType::kF32) std::memcpy(&data[4 * i], &f, 4);
      if (type == BlockType::kF16) std::memcpy(&data[2 * i], &half, 2);
      if (type == BlockType::kBF16) std::memcpy(&data[2 * i], &bf, 2);
    }
    return data;
  }
  for (std::byte& b : data) b = static_cast<std::byte>(rng());
  for (size_t at = 0; at < data.size(); at += info.block_bytes) {
    for (const int offset : ScaleOffsets(type)) {
      const uint16_t half = FloatToHalf(normal(rng) * 0.01f);
      std::memcpy(&data[at + offset], &half, 2);
    }
    if (type == BlockType::kMXFP4) data[at] = static_cast<std::byte>(110 + rng() % 20);
  }
  return data;
}

inline PackedMatrix Pack(BlockType type, int64_t rows, int64_t cols,
                         const std::vector<std::byte>& data) {
  PageArena arena;
  PackedMatrix m = *PackedMatrix::Allocate(type, rows, cols, &arena);
  for (int64_t g = 0; g < m.groups(); ++g) {
    const std::byte* pointers[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) {
      const int64_t row = g * kLanes + lane;
      pointers[lane] = row < rows ? data.data() + row * m.file_row_bytes() : nullptr;
    }
    m.PackGroup(g, pointers);
  }
  return m;
}

/// Quantised activations with their memory.
struct Quantized {
  std::vector<int8_t> codes;
  std::vector<float> scales;
  std::vector<int32_t> sums;
  std::vector<float> scaled_sums;
  QuantizedRows view;

  Quantized(int64_t rows, int64_t cols, int block) {
    codes.resize(rows * cols);
    scales.resize(rows * cols / block);
    sums.resize(rows * cols / (block == 32 ? 32 : 16));
    scaled_sums.resize(rows * cols / 32);
    view = {codes.data(), scales.data(), sums.data(), scaled_sums.data(), cols, block};
  }
};

inline std::vector<float> RandomFloats(int64_t count, std::mt19937& rng, float scale = 1) {
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> out(count);
  for (float& f : out) f = normal(rng);
  return out;
}

/// The instruction sets that must equal the reference: those of this machine, and AMX, emulated
/// where the machine has only AVX-512.
inline std::vector<const Kernels*> FastKernels() {
  std::vector<const Kernels*> out;
  for (const Isa isa : kAllIsas) {
    if (isa == Isa::kReference || isa == Isa::kAmx) continue;
    if (const Kernels* k = KernelsFor(isa)) out.push_back(k);
  }
  if (ProvideAmx()) out.push_back(UncheckedKernelsFor(Isa::kAmx));
  return out;
}

}  // namespace dure::numerics::testing
