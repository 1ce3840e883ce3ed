// Qwen2 (arXiv:2407.10671): the common layer with biases on queries, keys and values, which the
// loader takes where the file has them.
#include "models/pre_norm_decoder.h"

namespace dure::models {

Result<std::unique_ptr<Model>> LoadQwen2(const formats::GgufFile& file,
                                         const LoadOptions& options) {
  return LoadPreNormDecoder(file, options, {});
}

}  // namespace dure::models
