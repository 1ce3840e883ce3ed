// The layer of Gemma 2 and 3: norms before and after each branch, gelu, embeddings scaled by the
// root of their width, layers with a sliding window between layers that see everything.
#pragma once

#include <memory>

#include "models/architectures.h"

namespace dure::models {

struct GemmaOptions {
  int pattern = 0;         // every pattern-th layer sees everything, unless the file says otherwise
  int default_window = 0;  // positions, where the file names none
  bool head_norms = false;        // queries and keys are normed per head
  double local_rope_base = 0;     // of layers with a window; 0: as the others, scaling included
  double attention_soft_cap = 0;  // where the file names none
  double logit_soft_cap = 0;
  int layers_of_scaled_model = 0;  // the published model of this many layers scales attention by
                                   // width / heads, all others by the head's dimension
};

Result<std::unique_ptr<Model>> LoadGemmaDecoder(const formats::GgufFile& file,
                                                const LoadOptions& options,
                                                const GemmaOptions& architecture);

}  // namespace dure::models
