// The smallest models of each architecture: seeds for damage of all kinds.
#pragma once

#include "tests/models/tiny_bert.h"
#include "tests/models/tiny_model.h"

namespace dure::models::testing {

inline TinyShape SmallShape(const std::string& architecture) {
  TinyShape shape;
  shape.architecture = architecture;
  shape.width = 32;
  shape.heads = 2;
  shape.kv_heads = 1;
  shape.head_dim = 16;
  shape.ff_width = 32;
  shape.expert_ff_width = 32;
  shape.layers = 1;
  shape.type = numerics::BlockType::kQ4_0;
  if (architecture == "qwen3moe" || architecture == "gpt-oss") shape.experts = 3;
  if (architecture == "phi3") shape.long_rope_factors = true;
  return shape;
}

inline TinyBert SmallBert() {
  TinyBert shape;
  shape.layers = 1;
  shape.width = 32;
  shape.ff_width = 32;
  shape.vocabulary = 8;
  shape.context = 8;
  return shape;
}

}  // namespace dure::models::testing
