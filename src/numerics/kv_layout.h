// How keys and values of one block of positions stand in the cache, for one layer and KV head:
//   keys    [kKvBlock / 16][head_dim][16]   lanes are positions
//   values  [kKvBlock][head_dim]            lanes are head dimensions
// and, for Q8, key scales [kKvBlock] and value scales [kKvBlock] (float32). Compile-time data only.
#pragma once

#include <cstdint>

#include "numerics/constants.h"

namespace dure::numerics {

enum class CacheType : uint8_t {
  kF16,  // float16
  kQ8,   // int8 codes, one scale for each position's key and value
};

constexpr int64_t CacheElementBytes(CacheType type) { return type == CacheType::kF16 ? 2 : 1; }
/// Offsets and size in bytes; multiples of 64 where head_dim is one of 16.
constexpr int64_t ValuesOffset(CacheType type, int head_dim) {
  return CacheElementBytes(type) * kKvBlock * head_dim;
}
constexpr int64_t KeyScalesOffset(CacheType type, int head_dim) {
  return 2 * ValuesOffset(type, head_dim);
}
constexpr int64_t ValueScalesOffset(CacheType type, int head_dim) {
  return KeyScalesOffset(type, head_dim) + int64_t{sizeof(float)} * kKvBlock;
}
constexpr int64_t CacheBlockBytes(CacheType type, int head_dim) {
  return type == CacheType::kF16 ? KeyScalesOffset(type, head_dim)
                                 : ValueScalesOffset(type, head_dim) + sizeof(float) * kKvBlock;
}
/// Elements from a block's first key to dimension 0 of the key of position `at`.
constexpr int64_t KeyIndex(int at, int head_dim) {
  return static_cast<int64_t>(at / 16) * head_dim * 16 + at % 16;
}

}  // namespace dure::numerics
