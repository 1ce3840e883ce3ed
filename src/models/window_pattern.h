// Which layers of a model attend through a sliding window.
#pragma once

#include <vector>

#include "base/error.h"
#include "models/model.h"

namespace dure::models {

/// For each layer, whether it has the window. ARCH.attention.sliding_window_pattern holds one flag
/// a layer, or one number n: every n-th layer sees everything; without it n is `pattern`. All false
/// where the model has no window. Errors: kCorrupt.
Result<std::vector<bool>> ReadWindowPattern(const formats::GgufFile& file,
                                            const ModelConfig& config, int pattern);

}  // namespace dure::models
