// The largest logit of a vocabulary: all that greedy decoding needs.
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

}  // namespace dure::engine
