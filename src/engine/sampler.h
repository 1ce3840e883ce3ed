// One row of logits turned into one token. Pure functions: the same row, parameters and tokens give
// the same bits.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "engine/engine.h"
#include "numerics/kernels.h"

namespace dure::engine {

struct SampleTask {
  const numerics::Kernels* kernels = nullptr;
  std::span<float> logits;  // [vocab], raw; work memory afterwards
  const SamplingParams* params = nullptr;
  std::span<const TokenId>
      tokens;                // the sequence so far; the new token's position is tokens.size()
  size_t prompt_tokens = 0;  // how many of them are prompt
  int top_logprobs = -1;     // as in GenerateRequest
  std::span<const uint64_t> allowed;  // bit t % 64 of word t / 64: token t may be drawn; empty: all
  std::optional<TokenId> forced;      // take this one, only report its log-probability
};

struct Sample {
  TokenId id = 0;
  float logprob = 0;
  std::vector<TokenLogprob> top;
};

/// In the order that engine.h gives: raw log-probabilities, logit bias, penalties, then what is not
/// allowed sinks below everything else, then either the
/// largest logit or temperature, top-k, typical, top-p, min-p and the draw.
///
/// With a temperature the logits become scores, (logit - largest) / temperature, and weights are
/// exp(score). Candidates stand in canonical order (score descending, id ascending). The mass of
/// the whole vocabulary is summed by index in 16 partial sums (docs/numerics.md), that of a list of
/// candidates in its order in float64. The draw takes the first candidate at which the running sum
/// exceeds u times the mass; u comes from Philox (philox.h), keyed by seed, choice and position.
///
/// Errors: kInternal when a logit is not finite or nothing is allowed, kInvalidArgument when bias
/// or penalties make one so.
Result<Sample> SampleRow(const SampleTask& task);

}  // namespace dure::engine
