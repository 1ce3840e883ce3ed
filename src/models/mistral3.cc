// Mistral 3 and Ministral 3: Llama's layer with YaRN and, in some, queries that grow sharper with
// their position. Files name no other Mistral: earlier ones are of the architecture "llama".
#include "models/pre_norm_decoder.h"

namespace dure::models {

Result<std::unique_ptr<Model>> LoadMistral3(const formats::GgufFile& file,
                                            const LoadOptions& options) {
  return LoadPreNormDecoder(file, options,
                            {.interleaved_heads = true,
                             .temperature = true,
                             .experts = PreNormOptions::Experts::kWhereTheFileHasThem});
}

}  // namespace dure::models
