// OpenAI's JSON shapes of a continued text: the whole answer, and the chunks of a streamed one.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "api/openai/completion_json.h"
#include "providers/provider.h"

namespace dure::api {

/// The log-probabilities of one choice, or of the next piece of it.
/// {"tokens", "token_logprobs", "top_logprobs", "text_offset"}; offsets are characters from the
/// choice's beginning.
class TextLogprobs {
 public:
  /// Goes on after the tokens of the last call. Tokens that are no whole characters are spelled
  /// "bytes:\xe2\x82", as OpenAI does.
  Json Next(const std::vector<providers::TokenInfo>& tokens);

 private:
  size_t characters_ = 0;  // begun so far
};

/// One entry of "choices".
Json TextChoiceJson(int index, const std::string& text, Json logprobs,
                    std::optional<providers::FinishReason> reason);

/// Whole answers and chunks alike, without the usage.
Json TextCompletionJson(const CompletionIdentity& identity, Json choices);

}  // namespace dure::api
