#include "numerics/packed_matrix.h"

#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "numerics/blocks.h"
#include "numerics/float16.h"

namespace dure::numerics {
namespace {

constexpr int64_t kAlignment = 64;

int64_t RoundUp(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

int FloatBytes(BlockType type) { return type == BlockType::kF32 ? 4 : 2; }

/// Byte of a 64-byte step that belongs to value k of a lane.
int StepByte(int lane, int k) { return 4 * lane + k % 4; }

/// Packs the codes of 16 lanes for one slice. steps: [8][64] in step order.
void PutSlice(CodeKind kind, const uint8_t* steps, uint8_t* out) {
  const auto put_nibbles = [&] {
    for (int i = 0; i < 256; ++i) {
      out[i] = static_cast<uint8_t>((steps[i] & 15) | (steps[i + 256] << 4));
    }
  };
  const auto put_pairs = [&](uint8_t* plane, int shift) {
    for (int v = 0; v < 2; ++v) {
      const uint8_t* in = steps + 256 * v;
      for (int i = 0; i < 64; ++i) {
        const int pairs = ((in[i] >> shift) & 3) | (((in[64 + i] >> shift) & 3) << 2) |
                          (((in[128 + i] >> shift) & 3) << 4) | (((in[192 + i] >> shift) & 3) << 6);
        plane[64 * v + i] = static_cast<uint8_t>(pairs);
      }
    }
  };
  const auto put_bits = [&](uint8_t* plane, int shift) {
    for (int i = 0; i < 64; ++i) {
      int bits = 0;
      for (int step = 0; step < 8; ++step) bits |= ((steps[64 * step + i] >> shift) & 1) << step;
      plane[i] = static_cast<uint8_t>(bits);
    }
  };
  switch (kind) {
    case CodeKind::kFloat:
      return;
    case CodeKind::kNibbles:
    case CodeKind::kTable:
      put_nibbles();
      return;
    case CodeKind::kNibblesBits:
      put_nibbles();
      put_bits(out + 256, 4);
      return;
    case CodeKind::kNibblesPairs:
      put_nibbles();
      put_pairs(out + 256, 4);
      return;
    case CodeKind::kPairs:
      put_pairs(out, 0);
      return;
    case CodeKind::kPairsBits:
      put_pairs(out, 0);
      put_bits(out + 128, 2);
      return;
    case CodeKind::kBytes:
      std::memcpy(out, steps, 512);
      return;
  }
}

/// Gathers four codes of each lane for each step of a slice.
void InterleaveSlice(const DecodedBlock* lanes, int slice, uint8_t* steps) {
  for (int step = 0; step < 8; ++step) {
    for (int lane = 0; lane < kLanes; ++lane) {
      std::memcpy(steps + 64 * step + 4 * lane, lanes[lane].codes + kSlice * slice + 4 * step, 4);
    }
  }
}

bool ScalesFinite(const TypeLayout& layout, const DecodedBlock& block) {
  if (layout.e8m0) return block.d != 0xff;
  return std::isfinite(HalfToFloat(block.d)) && std::isfinite(HalfToFloat(block.m));
}

void PutScales(const TypeLayout& layout, const DecodedBlock& block, int lane, uint8_t* out) {
  if (layout.e8m0) {
    out[lane] = static_cast<uint8_t>(block.d);
    return;
  }
  std::memcpy(out + 2 * lane, &block.d, 2);
  out += 32;
  if (layout.has_min) {
    std::memcpy(out + 2 * lane, &block.m, 2);
    out += 32;
  }
  if (layout.block != 256) return;
  const int subs = 256 / layout.sub;
  for (int j = 0; j < subs; ++j) out[16 * j + lane] = static_cast<uint8_t>(block.scales[j]);
  if (!layout.has_min) return;
  out += 16 * subs;
  for (int j = 0; j < subs; ++j) out[16 * j + lane] = block.mins[j];
}

}  // namespace

Result<PackedMatrix> PackedMatrix::Allocate(BlockType type, int64_t rows, int64_t cols,
                                            PageArena* arena) {
  const TypeLayout layout = LayoutOf(type);
  constexpr int64_t kMaxSide = int64_t{1} << 31;
  if (rows <= 0 || cols <= 0 || rows >= kMaxSide || cols >= kMaxSide || cols % layout.block != 0) {
    return Fail(ErrorCode::kInvalidArgument, "a matrix of " + std::to_string(rows) + " x " +
                                                 std::to_string(cols) + " is not made of whole " +
                                                 std::string(InfoOf(type).name) + " blocks");
  }
  PackedMatrix m;
  int64_t group_bytes;
  int64_t scales_offset = 0;
  if (layout.kind == CodeKind::kFloat) {
    group_bytes = cols * kLanes * FloatBytes(type);
  } else {
    scales_offset = cols / kSlice * SliceBytes(layout.kind);
    group_bytes = scales_offset + cols / layout.block * ScaleBytes(layout);
  }
  group_bytes = RoundUp(group_bytes, kAlignment);
  m.bytes_ = static_cast<uint64_t>(RoundUp(rows, kLanes) / kLanes * group_bytes);
  m.data_ = arena->Allocate(m.bytes_);
  if (m.data_ == nullptr) {
    return Fail(ErrorCode::kResourceExhausted,
                "not enough memory for " + std::to_string(m.bytes_ >> 20) + " MiB of weights");
  }
  m.view_ = {type, rows, cols, m.data_.get(), group_bytes, scales_offset};
  return m;
}

int64_t PackedMatrix::file_row_bytes() const {
  const BlockTypeInfo& info = InfoOf(view_.type);
  return view_.cols / info.block_values * info.block_bytes;
}

bool PackedMatrix::PackFloats(int64_t group, std::span<const std::byte* const, kLanes> rows) {
  const int size = FloatBytes(view_.type);
  uint8_t* out = GroupData(group);
  for (int lane = 0; lane < kLanes; ++lane) {
    if (rows[lane] == nullptr) continue;
    const auto* in = reinterpret_cast<const uint8_t*>(rows[lane]);
    for (int64_t k = 0; k < view_.cols; ++k) {
      std::memcpy(out + (k * kLanes + lane) * size, in + k * size, size);
    }
  }
  return true;
}

bool PackedMatrix::PackGroup(int64_t group, std::span<const std::byte* const, kLanes> rows) {
  const TypeLayout layout = LayoutOf(view_.type);
  if (layout.kind == CodeKind::kFloat) return PackFloats(group, rows);
  const int block_bytes = InfoOf(view_.type).block_bytes;
  uint8_t* codes = GroupData(group);
  uint8_t* scales = codes + view_.scales_offset;
  const int64_t blocks = view_.cols / layout.block;
  DecodedBlock lanes[kLanes] = {};
  uint8_t steps[8 * 64];
  bool finite = true;
  for (int64_t b = 0; b < blocks; ++b) {
    for (int lane = 0; lane < kLanes; ++lane) {
      if (rows[lane] == nullptr) continue;
      DecodeBlock(view_.type, rows[lane] + b * block_bytes, &lanes[lane]);
      finite = finite && ScalesFinite(layout, lanes[lane]);
      PutScales(layout, lanes[lane], lane, scales + b * ScaleBytes(layout));
    }
    for (int slice = 0; slice < layout.block / kSlice; ++slice) {
      InterleaveSlice(lanes, slice, steps);
      PutSlice(layout.kind, steps, codes);
      codes += SliceBytes(layout.kind);
    }
  }
  return finite;
}

int PackedCode(const TypeLayout& layout, const uint8_t* group, int lane, int64_t k) {
  const uint8_t* slice = group + k / kSlice * SliceBytes(layout.kind);
  const int in_slice = static_cast<int>(k % kSlice);
  const int step = in_slice / 4;
  const int at = StepByte(lane, in_slice);
  const auto nibble = [&] { return (slice[(step % 4) * 64 + at] >> (step < 4 ? 0 : 4)) & 15; };
  const auto pair = [&](const uint8_t* plane) {
    return (plane[(step / 4) * 64 + at] >> (2 * (step % 4))) & 3;
  };
  const auto bit = [&](const uint8_t* plane) { return (plane[at] >> step) & 1; };
  switch (layout.kind) {
    case CodeKind::kFloat:
      return 0;
    case CodeKind::kNibbles:
      return nibble();
    case CodeKind::kTable:
      return layout.table[nibble()];
    case CodeKind::kNibblesBits:
      return nibble() | bit(slice + 256) << 4;
    case CodeKind::kNibblesPairs:
      return nibble() | pair(slice + 256) << 4;
    case CodeKind::kPairs:
      return pair(slice);
    case CodeKind::kPairsBits:
      return pair(slice) | bit(slice + 128) << 2;
    case CodeKind::kBytes:
      return slice[step * 64 + at];
  }
  return 0;
}

PackedScales ReadScales(const TypeLayout& layout, const uint8_t* group_scales, int lane,
                        int64_t block) {
  const uint8_t* at = group_scales + block * ScaleBytes(layout);
  PackedScales out;
  std::memset(out.scales, 1, sizeof(out.scales));
  std::memset(out.mins, 1, sizeof(out.mins));
  out.m = 0;
  if (layout.e8m0) {
    out.d = HalvedE8M0ToFloat(at[lane]);
    return out;
  }
  uint16_t half;
  std::memcpy(&half, at + 2 * lane, 2);
  out.d = HalfToFloat(half);
  at += 32;
  if (layout.has_min) {
    std::memcpy(&half, at + 2 * lane, 2);
    out.m = HalfToFloat(half);
    at += 32;
  }
  if (layout.block != 256) return out;
  const int subs = 256 / layout.sub;
  for (int j = 0; j < subs; ++j) {
    out.scales[j] = static_cast<int8_t>(at[16 * j + lane]);
    if (layout.has_min) out.mins[j] = at[16 * (subs + j) + lane];
  }
  return out;
}

void PackedMatrix::DequantizeRow(int64_t row, std::span<float> out) const {
  const TypeLayout layout = LayoutOf(view_.type);
  const uint8_t* group = view_.data + row / kLanes * view_.group_bytes;
  const int lane = static_cast<int>(row % kLanes);
  if (layout.kind == CodeKind::kFloat) {
    for (int64_t k = 0; k < view_.cols; ++k) {
      const int64_t at = k * kLanes + lane;
      if (view_.type == BlockType::kF32) {
        std::memcpy(&out[k], group + 4 * at, 4);
        continue;
      }
      uint16_t bits;
      std::memcpy(&bits, group + 2 * at, 2);
      out[k] = view_.type == BlockType::kF16 ? HalfToFloat(bits) : Bf16ToFloat(bits);
    }
    return;
  }
  const uint8_t* scales = group + view_.scales_offset;
  for (int64_t b = 0; b < view_.cols / layout.block; ++b) {
    const PackedScales s = ReadScales(layout, scales, lane, b);
    for (int k = 0; k < layout.block; ++k) {
      const int sub = k / layout.sub;
      const int code = PackedCode(layout, group, lane, b * layout.block + k) - layout.offset;
      const float scale = s.d * static_cast<float>(s.scales[sub]);
      out[b * layout.block + k] = layout.has_min ? std::fma(scale, static_cast<float>(code),
                                                            s.m * static_cast<float>(s.mins[sub]))
                                                 : scale * static_cast<float>(code);
    }
  }
}

}  // namespace dure::numerics
