#include "api/openai/text_answer.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/openai/text_json.h"
#include "api/service.h"

namespace dure::api {

namespace {

using net::WriteResult;
using providers::ChatDelta;
using providers::ChatUsage;
using providers::ChoiceEnd;
using providers::FinishReason;
using providers::TokenInfo;

struct Choice {
  std::string text;               // not yet sent
  std::vector<TokenInfo> tokens;  // of that text
  std::optional<FinishReason> end;
  TextLogprobs logprobs;
  bool end_sent = false;

  void Add(ChatDelta& delta) {
    text += delta.text;
    for (TokenInfo& token : delta.tokens) tokens.push_back(std::move(token));
  }
};

class WholeText : public CompletionAnswer {
 public:
  WholeText(std::shared_ptr<net::ResponseWriter> writer, AnswerSettings settings)
      : CompletionAnswer(std::move(writer), settings.ticket),
        settings_(std::move(settings)),
        choices_(static_cast<size_t>(settings_.choices)) {}

  void OnDelta(ChatDelta delta) override { choices_[static_cast<size_t>(delta.choice)].Add(delta); }
  void OnChoiceEnd(int choice, const ChoiceEnd& end) override {
    choices_[static_cast<size_t>(choice)].end = end.reason;
  }
  void OnEnd(const Result<ChatUsage>& usage) override {
    if (!usage) return Reject(FromTextError(usage.error(), "prompt"));
    Json choices = Json::array();
    for (Choice& choice : choices_) {
      Json logprobs = settings_.with_logprobs ? choice.logprobs.Next(choice.tokens) : Json();
      choices.push_back(TextChoiceJson(static_cast<int>(choices.size()), choice.text,
                                       std::move(logprobs), choice.end));
    }
    Json answer = TextCompletionJson(settings_.identity, std::move(choices));
    answer["usage"] = UsageJson(*usage);
    writer_->Send(JsonResponse(answer));
  }

 private:
  const AnswerSettings settings_;
  std::vector<Choice> choices_;  // sink calls come one at a time
};

class StreamedText : public ChunkStream {
 public:
  StreamedText(std::shared_ptr<net::ResponseWriter> writer, AnswerSettings settings)
      : ChunkStream(std::move(writer), std::move(settings)),
        choices_(static_cast<size_t>(settings_.choices)) {}

  void OnDelta(ChatDelta delta) override {
    Take(delta.text.size() + TokensBytes(delta.tokens),
         [&] { choices_[static_cast<size_t>(delta.choice)].Add(delta); });
  }
  void OnChoiceEnd(int choice, const ChoiceEnd& end) override {
    Take(0, [&] { choices_[static_cast<size_t>(choice)].end = end.reason; });
  }
  void OnEnd(const Result<ChatUsage>& usage) override {
    if (!usage) return Fail(FromTextError(usage.error(), "prompt"));
    ChunkStream::OnEnd(usage);
  }

 protected:
  WriteResult SendNews() override;
  Json UsageChunk(const ChatUsage& usage) const override {
    Json chunk = TextCompletionJson(settings_.identity, Json::array());
    chunk["usage"] = UsageJson(usage);
    return chunk;
  }

 private:
  WriteResult SendChoice(int index, Choice& choice);

  std::vector<Choice> choices_;
};

WriteResult StreamedText::SendNews() {
  for (size_t i = 0; i < choices_.size(); ++i) {
    const WriteResult result = SendChoice(static_cast<int>(i), choices_[i]);
    if (result != WriteResult::kAccepted) return result;
  }
  return WriteResult::kAccepted;
}

// The reason stands in the chunk with the last text, or alone.
WriteResult StreamedText::SendChoice(int index, Choice& choice) {
  const bool ends = choice.end && !choice.end_sent;
  if (choice.text.empty() && choice.tokens.empty() && !ends) return WriteResult::kAccepted;
  TextLogprobs position = choice.logprobs;
  Json logprobs = settings_.with_logprobs ? position.Next(choice.tokens) : Json();
  Json chunk = TextCompletionJson(
      settings_.identity, Json::array({TextChoiceJson(index, choice.text, std::move(logprobs),
                                                      ends ? choice.end : std::nullopt)}));
  if (settings_.include_usage) chunk["usage"] = nullptr;
  const WriteResult result = SendChunk(chunk);
  if (result != WriteResult::kAccepted) return result;
  choice.logprobs = position;
  choice.text.clear();
  choice.tokens.clear();
  choice.end_sent = ends;
  return result;
}

}  // namespace

ApiError FromTextError(const Error& error, const char* input) {
  ApiError out = FromProviderError(error);
  const bool about_input = error.message.starts_with("the prompt ") ||
                           error.message.starts_with("input ") ||
                           error.message.starts_with("token ");
  if (out.param == "messages" || (out.param.empty() && about_input)) out.param = input;
  return out;
}

std::shared_ptr<CompletionAnswer> MakeTextAnswer(std::shared_ptr<net::ResponseWriter> writer,
                                                 bool stream, AnswerSettings settings) {
  if (stream) return std::make_shared<StreamedText>(std::move(writer), std::move(settings));
  return std::make_shared<WholeText>(std::move(writer), std::move(settings));
}

}  // namespace dure::api
