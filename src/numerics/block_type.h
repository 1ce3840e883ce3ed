// The tensor element types of GGUF files (ggml's numbering) and how many bytes a block of each
// takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace dure::numerics {

/// Values are the type ids of the GGUF format.
enum class BlockType : uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kIQ4_NL = 20,
  kIQ4_XS = 23,
  kBF16 = 30,
  kMXFP4 = 39,
};

struct BlockTypeInfo {
  BlockType type;
  std::string_view name;  // as ggml prints it: "Q4_K"
  int block_values;       // values a block: 1 (floats), 32 or 256
  int block_bytes;
};

/// The row for a type id of a file, or nothing for an id this program does not know.
const BlockTypeInfo* FindBlockType(uint32_t ggml_type_id);
const BlockTypeInfo& InfoOf(BlockType type);
/// By name, upper case as in BlockTypeInfo::name.
const BlockTypeInfo* FindBlockType(std::string_view name);

}  // namespace dure::numerics
