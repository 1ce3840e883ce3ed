// Llama and the many models that share its layer, SmolLM2 among them. Converters store query and
// key rows as interleaved pairs for this architecture.
#include "models/pre_norm_decoder.h"

namespace dure::models {

Result<std::unique_ptr<Model>> LoadLlama(const formats::GgufFile& file,
                                         const LoadOptions& options) {
  return LoadPreNormDecoder(file, options, {.interleaved_heads = true});
}

}  // namespace dure::models
