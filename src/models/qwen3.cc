// Qwen3 (arXiv:2505.09388): the common layer with per-head norms of queries and keys; dense, or
// with experts whose weights are the router's softmax over the chosen ones.
#include "models/pre_norm_decoder.h"

namespace dure::models {

Result<std::unique_ptr<Model>> LoadQwen3(const formats::GgufFile& file,
                                         const LoadOptions& options) {
  return LoadPreNormDecoder(file, options, {.head_norms = true});
}

Result<std::unique_ptr<Model>> LoadQwen3Moe(const formats::GgufFile& file,
                                            const LoadOptions& options) {
  return LoadPreNormDecoder(file, options,
                            {.head_norms = true, .experts = PreNormOptions::Experts::kAlways});
}

}  // namespace dure::models
