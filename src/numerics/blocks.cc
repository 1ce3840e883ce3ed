#include "numerics/blocks.h"

#include <array>
#include <cmath>
#include <cstring>

#include "numerics/float16.h"
#include "numerics/layout.h"

namespace dure::numerics {
namespace {

const uint8_t* Bytes(const std::byte* p) { return reinterpret_cast<const uint8_t*>(p); }

uint16_t Load16(const uint8_t* p) { return static_cast<uint16_t>(p[0] | (p[1] << 8)); }

/// Sixteen bytes of nibbles: values 0..15 in the low halves, 16..31 in the high ones.
void DecodeNibbles(const uint8_t* q, uint8_t* codes) {
  for (int j = 0; j < 16; ++j) {
    codes[j] = q[j] & 15;
    codes[j + 16] = q[j] >> 4;
  }
}

/// Eight bits spread to the bit 4 of eight bytes each, lowest first.
constexpr std::array<uint64_t, 256> MakeSpreadTable() {
  std::array<uint64_t, 256> table{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      if ((byte >> bit) & 1) table[byte] |= uint64_t{0x10} << (8 * bit);
    }
  }
  return table;
}
constexpr std::array<uint64_t, 256> kSpread = MakeSpreadTable();

/// Adds the fifth bits of Q5_0 and Q5_1.
void AddHighBits(const uint8_t* bits, uint8_t* codes) {
  for (int j = 0; j < 4; ++j) {
    uint64_t eight;
    std::memcpy(&eight, codes + 8 * j, 8);
    eight |= kSpread[bits[j]];
    std::memcpy(codes + 8 * j, &eight, 8);
  }
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
  for (int run = 0; run < 8; ++run) {
    const uint8_t* in = q + (run / 4) * 32;
    const int shift = 2 * (run % 4);
    for (int k = 0; k < 32; ++k) out->codes[32 * run + k] = (in[k] >> shift) & 3;
  }
  out->d = Load16(b + 80);
  out->m = Load16(b + 82) ^ 0x8000;
}

void DecodeQ3K(const uint8_t* b, DecodedBlock* out) {
  const uint8_t* high = b;
  const uint8_t* q = b + 32;
  const uint8_t* s = b + 96;
  for (int run = 0; run < 8; ++run) {
    const uint8_t* in = q + (run / 4) * 32;
    const int shift = 2 * (run % 4);
    for (int k = 0; k < 32; ++k) {
      const int bit = (high[k] >> run) & 1;
      out->codes[32 * run + k] = static_cast<uint8_t>(((in[k] >> shift) & 3) | (bit << 2));
    }
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
  for (int run = 0; run < 8; ++run) {
    const uint8_t* in = q + (run / 2) * 32;
    const int shift = 4 * (run % 2);
    for (int k = 0; k < 32; ++k) out->codes[32 * run + k] = (in[k] >> shift) & 15;
  }
}

void DecodeQ5K(const uint8_t* b, DecodedBlock* out) {
  out->d = Load16(b);
  out->m = Load16(b + 2) ^ 0x8000;
  DecodeScales6(b + 4, out);
  const uint8_t* high = b + 16;
  const uint8_t* q = b + 48;
  for (int run = 0; run < 8; ++run) {
    const uint8_t* in = q + (run / 2) * 32;
    const int shift = 4 * (run % 2);
    for (int k = 0; k < 32; ++k) {
      const int bit = (high[k] >> run) & 1;
      out->codes[32 * run + k] = static_cast<uint8_t>(((in[k] >> shift) & 15) | (bit << 4));
    }
  }
}

void DecodeQ6K(const uint8_t* b, DecodedBlock* out) {
  const uint8_t* low = b;
  const uint8_t* high = b + 128;
  for (int run = 0; run < 8; ++run) {
    const int quarter = run % 4;
    const uint8_t* nibbles = low + (run / 4) * 64 + (quarter % 2) * 32;
    const uint8_t* pairs = high + (run / 4) * 32;
    const int nibble_shift = quarter < 2 ? 0 : 4;
    const int pair_shift = 2 * quarter;
    for (int k = 0; k < 32; ++k) {
      const int pair = (pairs[k] >> pair_shift) & 3;
      out->codes[32 * run + k] =
          static_cast<uint8_t>(((nibbles[k] >> nibble_shift) & 15) | (pair << 4));
    }
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
    DecodeNibbles(b + 8 + 16 * j, out->codes + 32 * j);
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
      AddHighBits(b + 2, out->codes);
      return;
    case BlockType::kQ5_1:
      out->m = Load16(b + 2);
      DecodeNibbles(b + 8, out->codes);
      AddHighBits(b + 4, out->codes);
      return;
    case BlockType::kQ8_0:
      for (int k = 0; k < 32; ++k) out->codes[k] = b[2 + k] ^ 0x80;
      return;
    case BlockType::kIQ4_NL:
      DecodeNibbles(b + 2, out->codes);
      return;
    case BlockType::kMXFP4:
      out->d = b[0];
      DecodeNibbles(b + 1, out->codes);
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
      const int stored = block.codes[k];
      const int value = layout.table != nullptr ? layout.table[stored] : stored;
      const float code = static_cast<float>(value - layout.offset);
      out[at + k] = layout.has_min ? std::fma(scale, code, minimum) : scale * code;
    }
  }
}

}  // namespace dure::numerics
