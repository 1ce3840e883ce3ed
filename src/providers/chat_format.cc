#include "providers/chat_format.h"

#include <utility>

#include "formats/gguf.h"

namespace dure::providers {
namespace {

std::string Spelling(const text::Tokenizer& tokenizer, std::optional<TokenId> id) {
  return id ? tokenizer.TokenBytes(*id, /*render_control=*/true) : std::string();
}

Result<std::string> TemplateSource(const formats::GgufFile& file) {
  if (file.Find("tokenizer.chat_template") == nullptr) {
    return Fail(ErrorCode::kUnsupported,
                "this model carries no chat template (it is a base model): give it a raw prompt "
                "to continue instead of a chat");
  }
  auto source = file.GetString("tokenizer.chat_template");
  if (!source) return tl::unexpected(source.error());
  return std::string(*source);
}

Result<text::ChatTemplate> ParseTemplate(const Result<std::string>& source) {
  if (!source) return tl::unexpected(source.error());
  auto parsed = text::ChatTemplate::Parse(*source);
  if (!parsed) {
    return Fail(parsed.error().code, "the model's chat template: " + parsed.error().message);
  }
  return parsed;
}

}  // namespace

ChatFormat::ChatFormat(std::shared_ptr<const text::Tokenizer> tokenizer,
                       Result<text::ChatTemplate> chat_template, std::string_view template_source)
    : tokenizer_(std::move(tokenizer)),
      template_(std::move(chat_template)),
      bos_spelling_(Spelling(*tokenizer_, tokenizer_->bos())),
      eos_spelling_(Spelling(*tokenizer_, tokenizer_->eos())) {
  const auto render = [this](const nlohmann::ordered_json& messages,
                             const nlohmann::ordered_json& tools) -> Result<std::string> {
    ChatInput chat;
    chat.messages = messages;
    chat.tools = tools;
    auto prompt = Render(chat);
    if (!prompt) return tl::unexpected(prompt.error());
    return std::move(prompt->text);
  };
  tool_template_ = text::InspectTemplate(render, template_source, *tokenizer_);
}

Result<ChatFormat> ChatFormat::FromGguf(const formats::GgufFile& file) {
  auto tokenizer = text::Tokenizer::FromGguf(file);
  if (!tokenizer) return tl::unexpected(tokenizer.error());
  const auto source = TemplateSource(file);
  return ChatFormat(std::move(*tokenizer), ParseTemplate(source), source ? *source : "");
}

Result<text::RenderedPrompt> ChatFormat::Render(const ChatInput& chat) const {
  if (!template_) return tl::unexpected(template_.error());
  text::ChatTemplateInput input;
  input.messages = chat.messages;
  input.tools = chat.tools;
  input.add_generation_prompt = chat.add_generation_prompt;
  input.bos_token = bos_spelling_;
  input.eos_token = eos_spelling_;
  input.extra = chat.template_arguments;
  input.unix_time = chat.unix_time;
  return template_->Render(input);
}

std::vector<TokenId> ChatFormat::EncodeChat(const text::RenderedPrompt& prompt) const {
  std::vector<TokenId> ids = tokenizer_->Encode(prompt);
  const auto bos = tokenizer_->bos();
  if (tokenizer_->add_bos() && bos && (ids.empty() || ids.front() != *bos)) {
    ids.insert(ids.begin(), *bos);
  }
  return ids;
}

std::vector<TokenId> ChatFormat::EncodePrompt(std::string_view prompt,
                                              text::ControlTokens control) const {
  std::vector<TokenId> ids = tokenizer_->Encode(prompt, control);
  const auto bos = tokenizer_->bos();
  if (tokenizer_->add_bos() && bos) ids.insert(ids.begin(), *bos);
  return ids;
}

}  // namespace dure::providers
