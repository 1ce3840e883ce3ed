// BERT (Devlin et al., 2018, arXiv:1810.04805) as a sentence encoder (Reimers and Gurevych, 2019,
// arXiv:1908.10084).
#pragma once

#include <memory>

#include "models/encoder.h"
#include "models/weight_loader.h"

namespace dure::models {

/// Loads the weights, under GGUF's names. Errors: those of WeightLoader.
Result<std::unique_ptr<Encoder>> LoadBert(EncoderConfig config, WeightLoader* loader,
                                          const LoadOptions& options);

}  // namespace dure::models
