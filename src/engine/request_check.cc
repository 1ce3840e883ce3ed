#include "engine/request_check.h"

#include <cmath>
#include <limits>
#include <string>

namespace dure::engine {
namespace {

// Below it 1/temperature would leave float32's range; 0 says the same.
constexpr float kLowestTemperature = 1e-6f;

Result<void> Refuse(const std::string& message) {
  return Fail(ErrorCode::kInvalidArgument, message);
}

/// name: [low, high], both allowed; high may be infinite, but the value may not.
Result<void> CheckRange(const char* name, float value, float low, float high) {
  if (std::isfinite(value) && value >= low && value <= high) return {};
  std::string range = std::to_string(low) + " or more";
  if (std::isfinite(high))
    range = "between " + std::to_string(low) + " and " + std::to_string(high);
  return Refuse(std::string(name) + " is " + std::to_string(value) + "; it must be " + range);
}

Result<void> CheckSampling(const SamplingParams& params, const RequestLimits& limits,
                           int vocab_size) {
  constexpr float kUnbounded = std::numeric_limits<float>::infinity();
  constexpr float kMost = std::numeric_limits<float>::max();
  constexpr float kPositive = std::numeric_limits<float>::min();
  struct Range {
    const char* name;
    float value;
    float low;
    float high;
  };
  const Range ranges[] = {
      {"temperature", params.temperature, 0, kUnbounded},
      {"top_p", params.top_p, kPositive, 1},
      {"min_p", params.min_p, 0, 1},
      {"typical_p", params.typical_p, kPositive, 1},
      {"repetition_penalty", params.repetition_penalty, kPositive, kUnbounded},
      {"presence_penalty", params.presence_penalty, -kMost, kMost},
      {"frequency_penalty", params.frequency_penalty, -kMost, kMost},
  };
  for (const Range& range : ranges) {
    if (auto ok = CheckRange(range.name, range.value, range.low, range.high); !ok) return ok;
  }
  if (params.temperature > 0 && params.temperature < kLowestTemperature) {
    return Refuse("temperature is below 0.000001; use 0 for the most likely token");
  }
  if (params.top_k < 0) return Refuse("top_k must be 0 (off) or more");
  if (params.penalty_window < -1) return Refuse("penalty_window must be -1 (all) or more");
  if (params.logit_bias.size() > limits.max_logit_biases) {
    return Refuse("logit_bias has " + std::to_string(params.logit_bias.size()) +
                  " entries; at most " + std::to_string(limits.max_logit_biases) + " are allowed");
  }
  for (const auto& [id, bias] : params.logit_bias) {
    if (id < 0 || id >= vocab_size) {
      return Refuse("logit_bias names token " + std::to_string(id) + "; the vocabulary has " +
                    std::to_string(vocab_size));
    }
    if (!std::isfinite(bias))
      return Refuse("logit_bias of token " + std::to_string(id) + " is not finite");
  }
  return {};
}

/// The structure of UTF-8 (RFC 3629) as far as holding back text needs it: sequences start and end
/// with the string.
bool IsUtf8(const std::string& text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t length = lead < 0x80   ? 1
                          : lead < 0xC2 ? 0
                          : lead < 0xE0 ? 2
                          : lead < 0xF0 ? 3
                          : lead < 0xF5 ? 4
                                        : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) return false;
    }
    i += length;
  }
  return true;
}

Result<void> CheckStops(const GenerateRequest& request, const RequestLimits& limits) {
  if (request.stop.size() > limits.max_stops) {
    return Refuse("stop has " + std::to_string(request.stop.size()) + " strings; at most " +
                  std::to_string(limits.max_stops) + " are allowed");
  }
  for (const std::string& stop : request.stop) {
    if (stop.empty()) return Refuse("stop contains an empty string");
    if (stop.size() > limits.max_stop_bytes) {
      return Refuse("a stop string has " + std::to_string(stop.size()) + " bytes; at most " +
                    std::to_string(limits.max_stop_bytes) + " are allowed");
    }
    if (!IsUtf8(stop)) return Refuse("a stop string is not valid UTF-8");
  }
  return {};
}

Result<void> CheckTokens(const char* name, const std::vector<TokenId>& tokens, int vocab_size) {
  for (const TokenId id : tokens) {
    if (id < 0 || id >= vocab_size) {
      return Refuse(std::string(name) + " holds token " + std::to_string(id) +
                    "; the vocabulary has " + std::to_string(vocab_size));
    }
  }
  return {};
}

Result<void> CheckLength(const GenerateRequest& request, int context_length) {
  const size_t prompt = request.prompt.size();
  const size_t answer = request.forced.empty() ? 1 : request.forced.size();
  if (prompt + answer <= static_cast<size_t>(context_length)) return {};
  const std::string limit =
      "the model's context is " + std::to_string(context_length) + " tokens, but ";
  if (request.forced.empty()) {
    return Fail(ErrorCode::kContextLengthExceeded, limit + "the prompt has " +
                                                       std::to_string(prompt) +
                                                       " and the answer needs at least one more");
  }
  return Fail(ErrorCode::kContextLengthExceeded,
              limit + "the prompt has " + std::to_string(prompt) + " and the tokens to score are " +
                  std::to_string(answer));
}

}  // namespace

Result<void> CheckRequest(const GenerateRequest& request, const RequestLimits& limits,
                          int vocab_size, int context_length) {
  if (request.prompt.empty()) return Refuse("the prompt is empty: it needs at least one token");
  if (request.max_tokens != -1 && request.max_tokens < 1) {
    return Refuse("max_tokens is " + std::to_string(request.max_tokens) + "; it must be 1 or more");
  }
  if (request.top_logprobs < -1 || request.top_logprobs > limits.max_top_logprobs) {
    return Refuse("top_logprobs is " + std::to_string(request.top_logprobs) + "; at most " +
                  std::to_string(limits.max_top_logprobs) + " are given");
  }
  if (request.constraint != nullptr && (!request.forced.empty() || request.ignore_eos)) {
    return Refuse("a constraint goes with neither forced tokens nor ignore_eos");
  }
  if (!request.expected.empty() && !request.forced.empty()) {
    return Refuse("expected tokens do not go with forced ones");
  }
  if (!request.continued.empty() && (!request.forced.empty() || request.top_logprobs >= 0)) {
    return Refuse("continued tokens go with neither forced tokens nor log-probabilities");
  }
  if (auto ok = CheckLength(request, context_length); !ok) return ok;
  if (auto ok = CheckTokens("the prompt", request.prompt, vocab_size); !ok) return ok;
  if (auto ok = CheckTokens("the tokens to score", request.forced, vocab_size); !ok) return ok;
  if (auto ok = CheckTokens("the expected answer", request.expected, vocab_size); !ok) return ok;
  if (auto ok = CheckTokens("the continued answer", request.continued, vocab_size); !ok) return ok;
  if (auto ok = CheckStops(request, limits); !ok) return ok;
  return CheckSampling(request.sampling, limits, vocab_size);
}

}  // namespace dure::engine
