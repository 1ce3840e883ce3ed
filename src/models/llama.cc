// Llama and the many models that share its layer (Mistral 7B and SmolLM2 among them, and Mixtral,
// arXiv:2401.04088, where the file has experts). Converters store query and key rows as interleaved
// pairs for this architecture.
#include "models/pre_norm_decoder.h"

namespace dure::models {

Result<std::unique_ptr<Model>> LoadLlama(const formats::GgufFile& file,
                                         const LoadOptions& options) {
  return LoadPreNormDecoder(
      file, options,
      {.interleaved_heads = true, .experts = PreNormOptions::Experts::kWhereTheFileHasThem});
}

}  // namespace dure::models
