// Gemma 2 (arXiv:2408.00118): a sliding window in every other layer, soft caps on attention scores
// and logits.
#include "models/gemma_decoder.h"

namespace dure::models {

Result<std::unique_ptr<Model>> LoadGemma2(const formats::GgufFile& file,
                                          const LoadOptions& options) {
  return LoadGemmaDecoder(file, options,
                          {.pattern = 2,
                           .default_window = 4096,
                           .attention_soft_cap = 50,
                           .logit_soft_cap = 30,
                           .layers_of_scaled_model = 46});
}

}  // namespace dure::models
