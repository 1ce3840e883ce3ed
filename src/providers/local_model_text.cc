#include "providers/local_model_text.h"

#include <string>
#include <utility>

#include "providers/chat_prompt.h"

namespace dure::providers {
namespace {

/// Of any model.
class TokenizerText : public ModelText {
 public:
  explicit TokenizerText(std::shared_ptr<const text::Tokenizer> tokenizer)
      : tokenizer_(std::move(tokenizer)) {}

  std::vector<int32_t> Encode(std::string_view text, bool special) const override {
    return tokenizer_->Encode(text,
                              special ? text::ControlTokens::kParse : text::ControlTokens::kAsText);
  }
  Result<std::string> Decode(const std::vector<int32_t>& tokens) const override {
    std::string bytes;
    for (const int32_t id : tokens) {
      if (id < 0 || id >= tokenizer_->vocab_size()) {
        return Fail(ErrorCode::kInvalidArgument, "token " + std::to_string(id) +
                                                     " does not exist; the vocabulary has " +
                                                     std::to_string(tokenizer_->vocab_size()));
      }
      bytes += tokenizer_->TokenBytes(id, /*render_control=*/true);
    }
    return bytes;
  }
  Result<Prompt> Render(const ChatRequest&, bool) const override {
    return Fail(ErrorCode::kUnsupported, "a model for embeddings has no chat template");
  }

 private:
  const std::shared_ptr<const text::Tokenizer> tokenizer_;
};

/// Of a model that writes text.
class ChatText : public TokenizerText {
 public:
  ChatText(std::shared_ptr<const ChatFormat> format, int64_t unix_time)
      : TokenizerText(format->shared_tokenizer()),
        format_(std::move(format)),
        unix_time_(unix_time) {}

  Result<Prompt> Render(const ChatRequest& request, bool add_generation_prompt) const override {
    const auto prompt = RenderChat(*format_, request, add_generation_prompt, unix_time_);
    if (!prompt) return tl::unexpected(prompt.error());
    return Prompt{prompt->text, format_->EncodeChat(*prompt)};
  }

 private:
  const std::shared_ptr<const ChatFormat> format_;
  const int64_t unix_time_;
};

}  // namespace

std::shared_ptr<const ModelText> MakeModelText(const ModelPool::Use& use, int64_t unix_time) {
  if (use.encoder() != nullptr) {
    return std::make_shared<TokenizerText>(use.encoder()->shared_tokenizer());
  }
  return std::make_shared<ChatText>(use.model().shared_format(), unix_time);
}

}  // namespace dure::providers
