// How a model file stretches rotary positions beyond the context it was first trained for. What is
// chosen here is fixed when the model is loaded and never depends on the length of a sequence
// (docs/numerics.md).
//   linear: every frequency divided by one factor.
//   YaRN (Peng et al., 2023, arXiv:2309.00071): low frequencies divided, high ones kept, a ramp
//     between them, and queries and keys scaled by an attention factor.
//   Llama 3: a factor for each frequency, in the tensor rope_freqs.weight.
//   LongRoPE (Ding et al., 2024, arXiv:2402.13753): two sets of such factors,
//     rope_factors_short.weight and rope_factors_long.weight.
#pragma once

#include <vector>

#include "models/model.h"
#include "models/rope_table.h"
#include "models/weight_loader.h"

namespace dure::models {

struct RopeScaling {
  double factor = 1;         // how many times the context grew; frequencies are divided by it
  int original_context = 0;  // positions the model was trained for before it was stretched
  double magnitude = 1;      // cosines and sines are multiplied by it
  // YaRN only:
  double extrapolation = 0;    // 0: off; 1: frequencies above the ramp are kept as they are
  double beta_fast = 32;       // turns within original_context above which a frequency is kept
  double beta_slow = 1;        // turns below which it is divided by the factor
  std::vector<float> factors;  // [rotated / 2]: each frequency's own divisor; empty: all 1
};

/// Reads ARCH.rope.scaling.* and the tensors of factors for `rotated` dimensions.
/// Errors: kCorrupt, kUnsupported; both name the key or the tensor.
Result<RopeScaling> ReadRopeScaling(const formats::GgufFile& file, const ModelConfig& config,
                                    int rotated, WeightLoader* loader);

/// The table of `rotated` dimensions with frequencies base^(-2i / rotated), scaled.
RopeTable MakeRopeTable(int rotated, double base, const RopeScaling& scaling);

/// ARCH.rope.dimension_count: how many dimensions of a head are rotated. Errors: kCorrupt.
Result<int> ReadRotatedDimensions(const formats::GgufFile& file, const ModelConfig& config);

}  // namespace dure::models
