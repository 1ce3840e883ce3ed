// Gemma 3, text (arXiv:2503.19786): per-head norms of queries and keys, five layers with a sliding
// window and a local rotation to one that sees everything.
#include "models/gemma_decoder.h"

namespace dure::models {

Result<std::unique_ptr<Model>> LoadGemma3(const formats::GgufFile& file,
                                          const LoadOptions& options) {
  return LoadGemmaDecoder(
      file, options,
      {.pattern = 6, .head_norms = true, .local_rope_base = 10000, .layers_of_scaled_model = 62});
}

}  // namespace dure::models
