// How one model wants its text: the tokenizer and the chat template a GGUF file carries, without
// its weights.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/chat_template.h"
#include "text/infill.h"
#include "text/tokenizer.h"
#include "text/tool_calls/tool_template.h"

namespace dure::formats {
class GgufFile;
}

namespace dure::providers {

using TokenId = int32_t;

/// A chat to be rendered; see text::ChatTemplateInput for the fields' meaning.
struct ChatInput {
  nlohmann::ordered_json messages = nlohmann::ordered_json::array();
  nlohmann::ordered_json tools;  // null when there are none
  bool add_generation_prompt = true;
  nlohmann::ordered_json template_arguments = nlohmann::ordered_json::object();
  int64_t unix_time = 0;
};

/// Immutable after loading; every member is thread-safe.
class ChatFormat {
 public:
  /// A template that is absent or cannot be parsed is no error here (raw prompts work without one):
  /// Render reports it. Errors: those of Tokenizer::FromGguf.
  static Result<ChatFormat> FromGguf(const formats::GgufFile& file);

  const text::Tokenizer& tokenizer() const { return *tokenizer_; }
  const std::shared_ptr<const text::Tokenizer>& shared_tokenizer() const { return tokenizer_; }
  /// False for base models, and where the template cannot be used.
  bool has_template() const { return template_.has_value(); }

  /// What the template makes of tools, and how the model writes calls and thoughts.
  const text::ToolTemplate& tool_template() const { return tool_template_; }

  /// Errors: kUnsupported (the model has no chat template), those of ChatTemplate::Parse and
  /// Render. There is no fall-back to another format.
  Result<text::RenderedPrompt> Render(const ChatInput& chat) const;

  /// A rendered chat as ids, BOS in front where the model wants it and the template did not print
  /// it.
  std::vector<TokenId> EncodeChat(const text::RenderedPrompt& prompt) const;

  /// A raw prompt as ids, BOS in front where the model wants it and the prompt does not spell it.
  std::vector<TokenId> EncodePrompt(std::string_view prompt, text::ControlTokens control) const;

  /// The prompt after which a model writes what belongs between `before` and `suffix`; what is
  /// spelled like a control token in the suffix is text. Errors: kUnsupported (the model knows no
  /// such prompts; the message begins with "suffix").
  Result<std::vector<TokenId>> EncodeInfill(std::vector<TokenId> before,
                                            std::string_view suffix) const;

 private:
  ChatFormat(std::shared_ptr<const text::Tokenizer> tokenizer,
             Result<text::ChatTemplate> chat_template, std::string_view template_source,
             std::optional<text::InfillTokens> infill);

  void AddBos(std::vector<TokenId>& ids) const;

  std::shared_ptr<const text::Tokenizer> tokenizer_;
  Result<text::ChatTemplate> template_;
  std::optional<text::InfillTokens> infill_;
  std::string bos_spelling_;
  std::string eos_spelling_;
  text::ToolTemplate tool_template_;
};

}  // namespace dure::providers
