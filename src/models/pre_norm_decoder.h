// The common decoder layer: x += attention(norm(x)); x += gated unit(norm(x)) (Touvron et al.,
// 2023, arXiv:2302.13971).
#pragma once

#include <memory>

#include "models/architectures.h"

namespace dure::models {

struct PreNormOptions {
  bool interleaved_heads = false;  // query and key rows stand as pairs (0,1), (2,3) ... in the file
};

Result<std::unique_ptr<Model>> LoadPreNormDecoder(const formats::GgufFile& file,
                                                  const LoadOptions& options,
                                                  const PreNormOptions& architecture);

}  // namespace dure::models
