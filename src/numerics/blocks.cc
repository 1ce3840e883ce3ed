#include "numerics/blocks.h"

#include <cmath>
#include <cstring>

#include "numerics/float16.h"
#include "numerics/layout.h"

namespace dure::numerics {
namespace {

const uint8_t* Bytes(const std::byte* p) { return reinterpret_cast<const uint8_t*>(p); }

uint16_t Load16(const uint8_t* p) { return static_cast<uint16_t>(p[0] | (p[1] << 8)); }

uint32_t Load32(const uint8_t* p) {
  return Load16(p) | (static_cast<uint32_t>(Load16(p + 2)) << 16);
}

/// Sixteen bytes of nibbles: values 0..15 in the low halves, 16..31 in the high ones.
void DecodeNibbles(const uint8_t* q, uint8_t* codes) {
  for (int j = 0; j < 16; ++j) {
    codes[j] = q[j] & 15;
    codes[j + 16] = q[j] >> 4;
  }
}

/// Adds the fifth bits of Q5_0 and Q5_1.
void AddHighBits(uint32_t bits, uint8_t* codes) {
  for (int j = 0; j < 32; ++j) codes[j] |= static_cast<uint8_t>(((bits >> j) & 1) << 4);
}

/// The 12 bytes that hold eight 6-bit scales and eight 6-bit minimums in Q4_K and Q5_K.
void DecodeScales6(const uint8_t* s, DecodedBlock* out) {
  for (int j = 0; j < 8; ++j) {
    if (j < 4) {
      out->scales[j] = static_cast<int8_t>(s[j] & 63);
      out->mins[j] = s[j + 4] & 63;
    } else {
      out->scales[j] = static_cast<int8_t>((s[j + 4] & 15) | ((s[j - 4] >> 6) << 4));
      out->mins[j] = static_cast<uint8_t>((s[j + 4] >> 4) | ((s[j] >> 6) << 4));
    }
  }
}

void DecodeQ2K(const uint8_t* b, DecodedBlock* out) {
  for (int j = 0; j < 16; ++j) {
    out->scales[j] = static_cast<int8_t>(b[j] & 15);
    out->mins[j] = b[j] >> 4;
  }
  const uint8_t* q = b + 16;
  for (int k = 0; k < 256; ++k) {
    out->codes[k] = (q[(k / 128) * 32 + k % 32] >> (2 * ((k % 128) / 32))) & 3;
  }
  out->d = Load16(b + 80);
  out->m = Load16(b + 82) ^ 0x8000;
}

void DecodeQ3K(const uint8_t* b, DecodedBlock* out) {
  const uint8_t* high = b;
  const uint8_t* q = b + 32;
  const uint8_t* s = b + 96;
  for (int k = 0; k < 256; ++k) {
    const int low = (q[(k / 128) * 32 + k % 32] >> (2 * ((k % 128) / 32))) & 3;
    const int bit = (high[k % 32] >> (k / 32)) & 1;
    out->codes[k] = static_cast<uint8_t>(low | (bit << 2));
  }
  for (int j = 0; j < 16; ++j) {
    const int low = j < 8 ? s[j] & 15 : s[j - 8] >> 4;
    const int top = (s[8 + j % 4] >> (2 * (j / 4))) & 3;
    out->scales[j] = static_cast<int8_t>((low | (top << 4)) - 32);
  }
  out->d = Load16(b + 108);
}

void DecodeQ4K(const uint8_t* b, DecodedBlock* out) {
  out->d = Load16(b);
  out->m = Load16(b + 2) ^ 0x8000;
  DecodeScales6(b + 4, out);
  const uint8_t* q = b + 16;
  for (int k = 0; k < 256; ++k) {
    const uint8_t byte = q[(k / 64) * 32 + k % 32];
    out->codes[k] = (k % 64) < 32 ? byte & 15 : byte >> 4;
  }
}

void DecodeQ5K(const uint8_t* b, DecodedBlock* out) {
  out->d = Load16(b);
  out->m = Load16(b + 2) ^ 0x8000;
  DecodeScales6(b + 4, out);
  const uint8_t* high = b + 16;
  const uint8_t* q = b + 48;
  for (int k = 0; k < 256; ++k) {
    const uint8_t byte = q[(k / 64) * 32 + k % 32];
    const int low = (k % 64) < 32 ? byte & 15 : byte >> 4;
    out->codes[k] = static_cast<uint8_t>(low | (((high[k % 32] >> (k / 32)) & 1) << 4));
  }
}

void DecodeQ6K(const uint8_t* b, DecodedBlock* out) {
  const uint8_t* low = b;
  const uint8_t* high = b + 128;
  for (int k = 0; k < 256; ++k) {
    const int half = k / 128;
    const int row = (k % 128) / 32;  // 0..3
    const uint8_t byte = low[half * 64 + (row & 1) * 32 + k % 32];
    const int nibble = row < 2 ? byte & 15 : byte >> 4;
    const int pair = (high[half * 32 + k % 32] >> (2 * row)) & 3;
    out->codes[k] = static_cast<uint8_t>(nibble | (pair << 4));
  }
  std::memcpy(out->scales, b + 192, 16);
  out->d = Load16(b + 208);
}

void DecodeIq4Xs(const uint8_t* b, DecodedBlock* out) {
  out->d = Load16(b);
  const uint16_t top = Load16(b + 2);
  for (int j = 0; j < 8; ++j) {
    const int low = (b[4 + j / 2] >> (4 * (j & 1))) & 15;
    out->scales[j] = static_cast<int8_t>((low | (((top >> (2 * j)) & 3) << 4)) - 32);
    uint8_t* codes = out->codes + 32 * j;
    DecodeNibbles(b + 8 + 16 * j, codes);
    for (int k = 0; k < 32; ++k) codes[k] = kIq4Table[codes[k]];
  }
}

void DecodeSmallBlock(BlockType type, const uint8_t* b, DecodedBlock* out) {
  out->d = Load16(b);
  switch (type) {
    case BlockType::kQ4_0:
      DecodeNibbles(b + 2, out->codes);
      return;
    case BlockType::kQ4_1:
      out->m = Load16(b + 2);
      DecodeNibbles(b + 4, out->codes);
      return;
    case BlockType::kQ5_0:
      DecodeNibbles(b + 6, out->codes);
      AddHighBits(Load32(b + 2), out->codes);
      return;
    case BlockType::kQ5_1:
      out->m = Load16(b + 2);
      DecodeNibbles(b + 8, out->codes);
      AddHighBits(Load32(b + 4), out->codes);
      return;
    case BlockType::kQ8_0:
      for (int k = 0; k < 32; ++k) out->codes[k] = b[2 + k] ^ 0x80;
      return;
    case BlockType::kIQ4_NL:
      DecodeNibbles(b + 2, out->codes);
      for (int k = 0; k < 32; ++k) out->codes[k] = kIq4Table[out->codes[k]];
      return;
    case BlockType::kMXFP4:
      out->d = b[0];
      DecodeNibbles(b + 1, out->codes);
      for (int k = 0; k < 32; ++k) out->codes[k] = kMxfp4Table[out->codes[k]];
      return;
    default:
      return;
  }
}

float LoadFloat(BlockType type, const uint8_t* p, size_t i) {
  if (type == BlockType::kF32) {
    float f;
    std::memcpy(&f, p + 4 * i, 4);
    return f;
  }
  const uint16_t bits = Load16(p + 2 * i);
  return type == BlockType::kF16 ? HalfToFloat(bits) : Bf16ToFloat(bits);
}

}  // namespace

void DecodeBlock(BlockType type, const std::byte* bytes, DecodedBlock* out) {
  std::memset(out->scales, 1, sizeof(out->scales));
  std::memset(out->mins, 1, sizeof(out->mins));
  out->m = 0;
  const uint8_t* b = Bytes(bytes);
  switch (type) {
    case BlockType::kQ2_K:
      return DecodeQ2K(b, out);
    case BlockType::kQ3_K:
      return DecodeQ3K(b, out);
    case BlockType::kQ4_K:
      return DecodeQ4K(b, out);
    case BlockType::kQ5_K:
      return DecodeQ5K(b, out);
    case BlockType::kQ6_K:
      return DecodeQ6K(b, out);
    case BlockType::kIQ4_XS:
      return DecodeIq4Xs(b, out);
    default:
      return DecodeSmallBlock(type, b, out);
  }
}

void DequantizeBlocks(BlockType type, const std::byte* bytes, std::span<float> out) {
  const BlockTypeInfo& info = InfoOf(type);
  const TypeLayout layout = LayoutOf(type);
  if (layout.kind == CodeKind::kFloat) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = LoadFloat(type, Bytes(bytes), i);
    return;
  }
  DecodedBlock block;
  for (size_t at = 0; at + layout.block <= out.size(); at += layout.block) {
    DecodeBlock(type, bytes + at / layout.block * info.block_bytes, &block);
    const float d =
        layout.e8m0 ? HalvedE8M0ToFloat(static_cast<uint8_t>(block.d)) : HalfToFloat(block.d);
    const float m = HalfToFloat(block.m);
    for (int k = 0; k < layout.block; ++k) {
      const int sub = k / layout.sub;
      const float scale = d * static_cast<float>(block.scales[sub]);
      const float minimum = m * static_cast<float>(block.mins[sub]);
      const float code = static_cast<float>(block.codes[k] - layout.offset);
      out[at + k] = layout.has_min ? std::fma(scale, code, minimum) : scale * code;
    }
  }
}

}  // namespace dure::numerics
