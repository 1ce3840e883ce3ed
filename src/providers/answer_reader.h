// From an engine's text to a choice's deltas. Private to providers/.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "providers/provider.h"
#include "text/tool_calls/answer_parser.h"

namespace dure::providers {

/// How a completion's text is read; the default takes it as it is.
struct AnswerReading {
  text::AnswerFormat format;
  std::function<uint64_t()> random;  // for the ids of calls; required where calls are looked for
};

/// One choice. Used by one thread at a time.
class AnswerReader {
 public:
  AnswerReader(int choice, const AnswerReading& reading)
      : choice_(choice), random_(reading.random), parser_(reading.format) {}

  /// A token whose log-probabilities go with the text that it is part of.
  void Hold(TokenInfo token) { held_tokens_.push_back(std::move(token)); }
  /// Forgets held tokens: their text was cut off.
  void ForgetTokens() { held_tokens_.clear(); }
  std::vector<ChatDelta> Push(std::string_view text) { return Deltas(parser_.Push(text)); }
  /// The last deltas. Called once, after all text.
  std::vector<ChatDelta> Finish();
  /// After Finish: why the choice ended, given why the text did. Errors: kModelOutput (the model
  /// broke off or garbled a call).
  Result<FinishReason> Reason(FinishReason of_text) const;

 private:
  std::vector<ChatDelta> Deltas(const std::vector<text::AnswerPart>& parts);
  std::string NewCallId() const;

  const int choice_;
  const std::function<uint64_t()> random_;
  text::AnswerParser parser_;
  std::vector<TokenInfo> held_tokens_;
  int calls_ = 0;
};

}  // namespace dure::providers
