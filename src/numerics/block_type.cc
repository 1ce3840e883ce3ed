#include "numerics/block_type.h"

#include <array>

namespace dure::numerics {
namespace {

constexpr std::array<BlockTypeInfo, 16> kTypes = {{
    {BlockType::kF32, "F32", 1, 4},
    {BlockType::kF16, "F16", 1, 2},
    {BlockType::kBF16, "BF16", 1, 2},
    {BlockType::kQ4_0, "Q4_0", 32, 18},
    {BlockType::kQ4_1, "Q4_1", 32, 20},
    {BlockType::kQ5_0, "Q5_0", 32, 22},
    {BlockType::kQ5_1, "Q5_1", 32, 24},
    {BlockType::kQ8_0, "Q8_0", 32, 34},
    {BlockType::kQ2_K, "Q2_K", 256, 84},
    {BlockType::kQ3_K, "Q3_K", 256, 110},
    {BlockType::kQ4_K, "Q4_K", 256, 144},
    {BlockType::kQ5_K, "Q5_K", 256, 176},
    {BlockType::kQ6_K, "Q6_K", 256, 210},
    {BlockType::kIQ4_NL, "IQ4_NL", 32, 18},
    {BlockType::kIQ4_XS, "IQ4_XS", 256, 136},
    {BlockType::kMXFP4, "MXFP4", 32, 17},
}};

}  // namespace

const BlockTypeInfo* FindBlockType(uint32_t ggml_type_id) {
  for (const BlockTypeInfo& info : kTypes) {
    if (static_cast<uint32_t>(info.type) == ggml_type_id) return &info;
  }
  return nullptr;
}

const BlockTypeInfo& InfoOf(BlockType type) { return *FindBlockType(static_cast<uint32_t>(type)); }

const BlockTypeInfo* FindBlockType(std::string_view name) {
  for (const BlockTypeInfo& info : kTypes) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

}  // namespace dure::numerics
