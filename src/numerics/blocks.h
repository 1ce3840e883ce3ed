// The block formats of GGUF files, taken apart: codes, scales and minimums as docs/numerics.md
// lists them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "numerics/block_type.h"

namespace dure::numerics {

/// One block of a row. Codes are the unsigned codes of TypeLayout (after its table for table
/// types).
struct DecodedBlock {
  uint8_t codes[256];
  int8_t scales[16];  // sub-scales; 1 for blocks without
  uint8_t mins[16];   // sub-minimums; 1 for blocks without
  uint16_t d;         // float16 bits of the scale, or the E8M0 byte
  uint16_t m;  // float16 bits of the minimum as the formula adds it: m for Q4_1/Q5_1, -dmin for
               // K-quants; 0 for none
};

/// bytes: one block of a quantised type, as it stands in the file.
void DecodeBlock(BlockType type, const std::byte* bytes, DecodedBlock* out);

/// Dequantises whole blocks (or floats) to float32, by the formula of docs/numerics.md: scale *
/// (code - offset) + minimum. out.size() must be a multiple of the type's block.
void DequantizeBlocks(BlockType type, const std::byte* bytes, std::span<float> out);

}  // namespace dure::numerics
