// Sums and maxima over the logits of a whole vocabulary, in the fixed orders of docs/numerics.md.
#pragma once

#include <cstdint>
#include <span>

namespace dure::engine {

struct Peak {
  float value = 0;     // the largest logit
  int32_t id = 0;      // the lowest id that has it
  bool finite = true;  // no logit is infinite or NaN; otherwise value and id mean nothing
};

/// One pass over logits [vocab]; vocab >= 1.
Peak FindPeak(std::span<const float> logits);

/// exp((logit - peak) * inverse_temperature); +0 far below the peak. 1 at the peak.
float Weight(float logit, float peak, float inverse_temperature);

/// Sum of Weight over the vocabulary: 16 partial sums by index modulo 16, added 8-4-2-1.
float SumWeights(std::span<const float> logits, float peak, float inverse_temperature);

/// log(sum exp(logit - peak)), the sum as in SumWeights: what to take from logit - peak for a
/// log-probability.
float LogSumExp(std::span<const float> logits, float peak);

}  // namespace dure::engine
