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
                       Result<text::ChatTemplate> chat_template, std::string_view template_source,
                       std::optional<text::InfillTokens> infill)
    : tokenizer_(std::move(tokenizer)),
      template_(std::move(chat_template)),
      infill_(infill),
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
  const auto infill = text::FindInfillTokens(file, **tokenizer);
  const auto source = TemplateSource(file);
  return ChatFormat(std::move(*tokenizer), ParseTemplate(source), source ? *source : "", infill);
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

void ChatFormat::AddBos(std::vector<TokenId>& ids) const {
  const auto bos = tokenizer_->bos();
  if (tokenizer_->add_bos() && bos && (ids.empty() || ids.front() != *bos)) {
    ids.insert(ids.begin(), *bos);
  }
}

std::vector<TokenId> ChatFormat::EncodeChat(const text::RenderedPrompt& prompt) const {
  std::vector<TokenId> ids = tokenizer_->Encode(prompt);
  AddBos(ids);
  return ids;
}

std::vector<TokenId> ChatFormat::EncodePrompt(std::string_view prompt,
                                              text::ControlTokens control) const {
  std::vector<TokenId> ids = tokenizer_->Encode(prompt, control);
  AddBos(ids);
  return ids;
}

Result<std::vector<TokenId>> ChatFormat::EncodeInfill(std::vector<TokenId> before,
                                                      std::string_view suffix) const {
  if (!infill_) {
    return Fail(ErrorCode::kUnsupported,
                "suffix cannot be used: this model has no tokens to fill in the middle");
  }
  std::vector<TokenId> ids = {infill_->prefix};
  ids.insert(ids.end(), before.begin(), before.end());
  ids.push_back(infill_->suffix);
  const std::vector<TokenId> after = tokenizer_->Encode(suffix, text::ControlTokens::kAsText);
  ids.insert(ids.end(), after.begin(), after.end());
  ids.push_back(infill_->middle);
  AddBos(ids);
  return ids;
}

}  // namespace dure::providers
