// Tiny models for proofs of invariance: every architecture, and between them every block type, with
// everything in use that the architecture has.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "tests/models/tiny_model.h"

namespace dure::models::testing {

/// Architecture and block type of the layers' matrices; "mixtral" is llama with experts.
using FullCase = std::tuple<std::string, numerics::BlockType>;

inline std::vector<FullCase> FullCases() {
  using numerics::BlockType;
  return {
      {"llama", BlockType::kQ4_1},    {"llama", BlockType::kQ4_0},
      {"llama", BlockType::kQ8_0},    {"llama", BlockType::kBF16},
      {"llama", BlockType::kMXFP4},   {"qwen2", BlockType::kQ5_0},
      {"qwen2", BlockType::kQ6_K},    {"qwen2", BlockType::kQ3_K},
      {"gemma3", BlockType::kQ4_K},   {"gemma3", BlockType::kIQ4_XS},
      {"gemma3", BlockType::kF16},    {"qwen3", BlockType::kQ4_0},
      {"mistral3", BlockType::kQ8_0}, {"gemma2", BlockType::kQ4_1},
      {"phi3", BlockType::kQ5_0},     {"mixtral", BlockType::kQ4_0},
      {"qwen3moe", BlockType::kQ4_K}, {"qwen3moe", BlockType::kBF16},
      {"gpt-oss", BlockType::kMXFP4},
  };
}

/// A shape with everything in use that its architecture has.
inline TinyShape FullShape(const std::string& architecture, numerics::BlockType type) {
  TinyShape shape;
  shape.architecture = architecture == "mixtral" ? "llama" : architecture;
  shape.type = type;
  shape.layers = architecture == "gemma3" ? 7 : 2;
  shape.tied = architecture != "qwen2";
  if (architecture == "mistral3" || architecture == "gpt-oss") {
    shape.rope_type = "yarn";
    shape.rope_factor = 4;
    shape.original_context = 64;
  }
  if (architecture == "mistral3") shape.temperature = 0.3f;
  if (architecture == "phi3") {
    shape.rope_type = "longrope";
    shape.long_rope_factors = true;
    shape.original_context = 64;
    shape.rotated_dim = 48;
  }
  if (architecture == "mixtral" || architecture == "gpt-oss" || architecture == "qwen3moe") {
    shape.experts = 6;
    shape.layers = 1;
    shape.ff_width = 256;
    shape.expert_type = type;
    const bool wide_blocks = numerics::InfoOf(type).block_values == 256;
    shape.expert_ff_width = wide_blocks ? 256 : 96;
  }
  return shape;
}

}  // namespace dure::models::testing
