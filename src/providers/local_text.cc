#include "providers/local_text.h"

#include <string>
#include <utility>
#include <vector>

#include "providers/echoed_completion.h"

namespace dure::providers {
namespace {

struct TextPrompt {
  std::vector<TokenId> tokens;
  Echo echo;
};

Result<void> CheckTokens(const text::Tokenizer& tokenizer, const std::vector<TokenId>& tokens) {
  if (tokens.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "the prompt is empty: it needs at least one token");
  }
  for (const TokenId id : tokens) {
    if (id >= 0 && id < tokenizer.vocab_size()) continue;
    return Fail(ErrorCode::kInvalidArgument, "the prompt holds token " + std::to_string(id) +
                                                 "; the vocabulary has " +
                                                 std::to_string(tokenizer.vocab_size()));
  }
  return {};
}

/// text: as the client wrote it; nothing: it gave tokens.
Echo MakeEcho(const text::Tokenizer& tokenizer, std::vector<TokenId> tokens,
              const std::string* text) {
  Echo echo;
  text::Detokenizer detokenizer(tokenizer, /*render_control=*/true);
  std::string joined;
  for (const TokenId id : tokens) {
    echo.bytes.push_back(tokenizer.TokenBytes(id, /*render_control=*/true));
    joined += echo.bytes.back();
    if (text == nullptr) echo.text += detokenizer.Push(id);
  }
  echo.text += text == nullptr ? detokenizer.Flush() : *text;
  // Some vocabularies put a space in front of every text.
  if (text != nullptr && joined == " " + *text) echo.bytes.front().erase(0, 1);
  echo.tokens = std::move(tokens);
  return echo;
}

Result<TextPrompt> Encode(const ChatFormat& format, const TextRequest& request) {
  const text::Tokenizer& tokenizer = format.tokenizer();
  const auto* text = std::get_if<std::string>(&request.prompt);
  TextPrompt prompt;
  std::vector<TokenId> own = text == nullptr ? std::get<std::vector<TokenId>>(request.prompt)
                             : request.suffix
                                 ? tokenizer.Encode(*text, text::ControlTokens::kAsText)
                                 : tokenizer.Encode(*text, text::ControlTokens::kParse);
  if (request.suffix) {
    auto infill = format.EncodeInfill(std::move(own), *request.suffix);
    if (!infill) return tl::unexpected(infill.error());
    prompt.tokens = *std::move(infill);
  } else {
    prompt.tokens = text == nullptr ? own : format.EncodePrompt(*text, text::ControlTokens::kParse);
  }
  if (auto good = CheckTokens(tokenizer, prompt.tokens); !good) return tl::unexpected(good.error());
  if (!request.echo) return prompt;
  const size_t unseen = prompt.tokens.size() - own.size();
  prompt.echo = MakeEcho(tokenizer, std::move(own), text);
  prompt.echo.before.assign(prompt.tokens.begin(),
                            prompt.tokens.begin() + static_cast<ptrdiff_t>(unseen));
  return prompt;
}

template <typename Started>
Result<std::shared_ptr<Completion>> StartOn(engine::Engine& engine, std::shared_ptr<Started> made,
                                            const engine::GenerateRequest& request) {
  if (auto started = made->Start(engine, request); !started) {
    return tl::unexpected(started.error());
  }
  return made;
}

}  // namespace

Result<std::shared_ptr<Completion>> StartText(const std::shared_ptr<ModelPool::Use>& use,
                                              const TextRequest& request,
                                              const std::function<uint64_t()>& random_seed,
                                              std::shared_ptr<ChatSink> sink) {
  const ChatFormat& format = use->model().format();
  auto prompt = Encode(format, request);
  if (!prompt) return tl::unexpected(prompt.error());
  engine::GenerateRequest generate = EngineRequest(request, random_seed);
  generate.prompt = std::move(prompt->tokens);
  engine::Engine& engine = use->model().engine();
  if (request.echo || request.max_tokens == 0) {
    return StartOn(
        engine,
        std::make_shared<EchoedCompletion>(use->link(), format.shared_tokenizer(), std::move(sink),
                                           request.choices, std::move(prompt->echo), use),
        generate);
  }
  return StartOn(engine,
                 std::make_shared<LocalCompletion>(use->link(), format.shared_tokenizer(),
                                                   std::move(sink), request.choices, use),
                 generate);
}

}  // namespace dure::providers
