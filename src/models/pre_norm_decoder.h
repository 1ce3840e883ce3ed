// The common decoder layer: x += attention(norm(x)); x += gated unit(norm(x)) (Touvron et al.,
// 2023, arXiv:2302.13971), and what its relatives vary.
#pragma once

#include <memory>

#include "models/architectures.h"

namespace dure::models {

struct PreNormOptions {
  bool interleaved_heads = false;  // query and key rows stand as pairs (0,1), (2,3) ... in the file
  bool head_norms = false;         // queries and keys are normed per head before they are rotated
  bool fused = false;  // attn_qkv holds queries, keys and values; ffn_up holds gate, then unit
  bool temperature = false;  // attention.temperature_scale is read
  enum class Experts { kNone, kWhereTheFileHasThem, kAlways } experts = Experts::kNone;
};

Result<std::unique_ptr<Model>> LoadPreNormDecoder(const formats::GgufFile& file,
                                                  const LoadOptions& options,
                                                  const PreNormOptions& architecture);

}  // namespace dure::models
