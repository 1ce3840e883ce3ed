// How weights stand in memory after loading: the layout every instruction set reads. Compile-time
// data only.
//
// Output rows go in groups of 16, one lane each. Along a row, 32 values make a slice of eight steps
// of four values; a step of 16 lanes is 64 bytes, byte 4 * lane + (k % 4). That is the operand
// VPDPBUSD wants and the tile AMX wants. The codes of a slice are bit planes, so that no type takes
// more memory than its bits:
//   nibbles  256 bytes: byte i of vector v (v = 0..3) holds step v in its low half and step v + 4
//   in its high half pairs    128 bytes: byte i of vector v (v = 0..1) holds steps 4v .. 4v+3, two
//   bits each, lowest first bits      64 bytes: byte i holds steps 0 .. 7, one bit each, lowest
//   first bytes    512 bytes: step after step
// A group is: the codes of all its slices, then the scales of all its blocks (see ScaleBytes), then
// padding to 64 bytes. Float types: [cols][16] values a group.
#pragma once

#include <cstddef>
#include <cstdint>

#include "numerics/block_type.h"

namespace dure::numerics {

inline constexpr int kLanes = 16;
inline constexpr int kSlice = 32;

enum class CodeKind : uint8_t {
  kFloat,         // no codes
  kNibbles,       // 4 bits
  kNibblesBits,   // 5 bits: nibble | bit << 4
  kNibblesPairs,  // 6 bits: nibble | pair << 4
  kPairs,         // 2 bits
  kPairsBits,     // 3 bits: pair | bit << 2
  kBytes,         // 8 bits
  kTable,         // 4 bits that index a table of 16 bytes
};

/// Codes are unsigned; `offset` is subtracted from each. A block of 32 has one scale (and minimum)
/// a row; a block of 256 has 256/sub integer sub-scales (and sub-minimums) beside them.
struct TypeLayout {
  CodeKind kind;
  int block;  // 32 or 256; 1 for floats
  int sub;    // values that share an integer sub-scale; block when there are none
  int offset;
  bool has_min;
  bool e8m0;  // the scale is an exponent byte, not a float16
  const uint8_t* table;
};

// IQ4_NL and IQ4_XS: code values plus 128.
inline constexpr uint8_t kIq4Table[16] = {1,   24,  45,  63,  79,  93,  106, 118,
                                          129, 141, 153, 166, 181, 197, 217, 241};
// MXFP4: doubled E2M1 values plus 12.
inline constexpr uint8_t kMxfp4Table[16] = {12, 13, 14, 15, 16, 18, 20, 24,
                                            12, 11, 10, 9,  8,  6,  4,  0};

constexpr TypeLayout LayoutOf(BlockType type) {
  switch (type) {
    case BlockType::kF32:
    case BlockType::kF16:
    case BlockType::kBF16:
      return {CodeKind::kFloat, 1, 1, 0, false, false, nullptr};
    case BlockType::kQ4_0:
      return {CodeKind::kNibbles, 32, 32, 8, false, false, nullptr};
    case BlockType::kQ4_1:
      return {CodeKind::kNibbles, 32, 32, 0, true, false, nullptr};
    case BlockType::kQ5_0:
      return {CodeKind::kNibblesBits, 32, 32, 16, false, false, nullptr};
    case BlockType::kQ5_1:
      return {CodeKind::kNibblesBits, 32, 32, 0, true, false, nullptr};
    case BlockType::kQ8_0:
      return {CodeKind::kBytes, 32, 32, 128, false, false, nullptr};
    case BlockType::kIQ4_NL:
      return {CodeKind::kTable, 32, 32, 128, false, false, kIq4Table};
    case BlockType::kMXFP4:
      return {CodeKind::kTable, 32, 32, 12, false, true, kMxfp4Table};
    case BlockType::kQ2_K:
      return {CodeKind::kPairs, 256, 16, 0, true, false, nullptr};
    case BlockType::kQ3_K:
      return {CodeKind::kPairsBits, 256, 16, 4, false, false, nullptr};
    case BlockType::kQ4_K:
      return {CodeKind::kNibbles, 256, 32, 0, true, false, nullptr};
    case BlockType::kQ5_K:
      return {CodeKind::kNibblesBits, 256, 32, 0, true, false, nullptr};
    case BlockType::kQ6_K:
      return {CodeKind::kNibblesPairs, 256, 16, 32, false, false, nullptr};
    case BlockType::kIQ4_XS:
      return {CodeKind::kTable, 256, 32, 128, false, false, kIq4Table};
  }
  return {};
}

/// Bytes the codes of one slice of 16 rows take.
constexpr int SliceBytes(CodeKind kind) {
  switch (kind) {
    case CodeKind::kFloat:
      return 0;
    case CodeKind::kNibbles:
    case CodeKind::kTable:
      return 256;
    case CodeKind::kNibblesBits:
      return 320;
    case CodeKind::kNibblesPairs:
      return 384;
    case CodeKind::kPairs:
      return 128;
    case CodeKind::kPairsBits:
      return 192;
    case CodeKind::kBytes:
      return 512;
  }
  return 0;
}

/// Bytes the scales of one block of 16 rows take. Order: scale[16] (float16, or E8M0 bytes),
/// minimum[16] (float16) where has_min; for blocks of 256 then sub-scales [256/sub][16] (int8) and,
/// where has_min, sub-minimums [256/sub][16] (uint8).
constexpr int ScaleBytes(const TypeLayout& layout) {
  const int base = (layout.e8m0 ? 16 : 32) + (layout.has_min ? 32 : 0);
  if (layout.block != 256) return base;
  return base + (layout.has_min ? 2 : 1) * 16 * (256 / layout.sub);
}

/// A packed matrix as kernels see it.
struct PackedView {
  BlockType type;
  int64_t rows;
  int64_t cols;
  const uint8_t* data;  // groups, group_bytes apart, 64-byte aligned
  int64_t group_bytes;
  int64_t scales_offset;  // bytes from a group's start to its scales
};

}  // namespace dure::numerics
