// The text side of one answer: tokens to characters, stop strings, and when the answer is over.
#pragma once

#include <optional>
#include <string>

#include "engine/engine.h"
#include "engine/stop_matcher.h"
#include "text/tokenizer.h"

namespace dure::engine {

class Answer {
 public:
  /// Why and with what an answer ended; usage and errors are the engine's to add.
  struct End {
    FinishReason reason;
    std::string text;
    std::optional<std::string> stop_match;
    std::optional<TokenId> stop_token;
  };

  /// context_length: prompt and answer together. The tokenizer outlives the answer.
  Answer(const text::Tokenizer& tokenizer, const GenerateRequest& request, int context_length);

  /// Tokens that may still come.
  int remaining() const { return remaining_; }

  /// Takes the next token; `text` gets what can be shown of it.
  std::optional<End> Push(TokenId id, std::string& text);

  /// The text still held back when the answer is cut short from outside.
  std::string Flush();

 private:
  const text::Tokenizer& tokenizer_;
  text::Detokenizer detokenizer_;
  StopMatcher matcher_;
  std::vector<std::string> stops_;
  bool ignore_eos_;
  bool forced_;
  int remaining_;
};

}  // namespace dure::engine
