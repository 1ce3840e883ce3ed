// Phi-3 and Phi-4 (arXiv:2404.14219): the common layer with one tensor for queries, keys and values
// and one for gate and unit, and LongRoPE where the file has its factors. The sliding window that
// some files name is not applied, as in the program that made the format: its meaning differs from
// file to file.
#include "models/pre_norm_decoder.h"

namespace dure::models {

Result<std::unique_ptr<Model>> LoadPhi3(const formats::GgufFile& file, const LoadOptions& options) {
  return LoadPreNormDecoder(file, options, {.fused = true});
}

}  // namespace dure::models
