#include "api/openai/chat_answer.h"

#include <utility>

#include "api/service.h"
#include "net/sse.h"

namespace dure::api {

namespace {

using net::WriteResult;
using providers::ChatDelta;
using providers::ChatUsage;
using providers::ChoiceEnd;
using providers::FinishReason;
using providers::TokenInfo;

class WholeChat : public CompletionAnswer {
 public:
  WholeChat(std::shared_ptr<net::ResponseWriter> writer, AnswerSettings settings)
      : CompletionAnswer(std::move(writer), settings.ticket),
        settings_(std::move(settings)),
        results_(static_cast<size_t>(settings_.choices)) {}

  void OnDelta(ChatDelta delta) override {
    ChoiceResult& result = results_[static_cast<size_t>(delta.choice)];
    result.text += delta.text;
    for (TokenInfo& token : delta.tokens) result.tokens.push_back(std::move(token));
  }
  void OnChoiceEnd(int choice, const ChoiceEnd& end) override {
    results_[static_cast<size_t>(choice)].reason = end.reason;
  }
  void OnEnd(const Result<ChatUsage>& usage) override {
    if (!usage) return Reject(FromProviderError(usage.error()));
    writer_->Send(JsonResponse(
        CompletionJson(settings_.identity, results_, settings_.with_logprobs, *usage)));
  }

 private:
  const AnswerSettings settings_;
  std::vector<ChoiceResult> results_;  // sink calls come one at a time
};

class StreamedChat : public StreamedAnswer {
 public:
  StreamedChat(std::shared_ptr<net::ResponseWriter> writer, AnswerSettings settings)
      : StreamedAnswer(std::move(writer), settings.ticket, settings.max_coalesced_bytes),
        settings_(std::move(settings)),
        choices_(static_cast<size_t>(settings_.choices)) {}

  void OnDelta(ChatDelta delta) override;
  void OnChoiceEnd(int choice, const ChoiceEnd& end) override;

 protected:
  WriteResult SendNews() override;
  WriteResult SendLast(const ChatUsage& usage) override;

 private:
  struct Choice {
    std::string text;               // not yet sent
    std::vector<TokenInfo> tokens;  // of that text
    std::optional<FinishReason> end;
    bool role_sent = false;
    bool end_sent = false;
  };

  WriteResult SendChoice(int index, Choice& choice);
  WriteResult SendChunk(int choice, Json delta, Json logprobs, std::optional<FinishReason> reason);

  const AnswerSettings settings_;
  std::vector<Choice> choices_;
  bool usage_sent_ = false;
};

void StreamedChat::OnDelta(ChatDelta delta) {
  Take(delta.text.size() + TokensBytes(delta.tokens), [&] {
    Choice& choice = choices_[static_cast<size_t>(delta.choice)];
    choice.text += delta.text;
    for (TokenInfo& token : delta.tokens) choice.tokens.push_back(std::move(token));
  });
}

void StreamedChat::OnChoiceEnd(int choice, const ChoiceEnd& end) {
  Take(0, [&] { choices_[static_cast<size_t>(choice)].end = end.reason; });
}

WriteResult StreamedChat::SendNews() {
  for (size_t i = 0; i < choices_.size(); ++i) {
    const WriteResult result = SendChoice(static_cast<int>(i), choices_[i]);
    if (result != WriteResult::kAccepted) return result;
  }
  return WriteResult::kAccepted;
}

WriteResult StreamedChat::SendChoice(int index, Choice& choice) {
  if (!choice.role_sent) {
    const WriteResult result = SendChunk(
        index, {{"role", "assistant"}, {"content", ""}, {"refusal", nullptr}}, nullptr, {});
    if (result != WriteResult::kAccepted) return result;
    choice.role_sent = true;
  }
  if (!choice.text.empty() || !choice.tokens.empty()) {
    const WriteResult result =
        SendChunk(index, {{"content", choice.text}}, LogprobsJson(choice.tokens), {});
    if (result != WriteResult::kAccepted) return result;
    choice.text.clear();
    choice.tokens.clear();
  }
  if (choice.end && !choice.end_sent) {
    const WriteResult result = SendChunk(index, Json::object(), nullptr, choice.end);
    if (result != WriteResult::kAccepted) return result;
    choice.end_sent = true;
  }
  return WriteResult::kAccepted;
}

WriteResult StreamedChat::SendLast(const ChatUsage& usage) {
  if (settings_.include_usage && !usage_sent_) {
    const WriteResult result =
        writer_->Write(net::SseEvent(DumpJson(UsageChunkJson(settings_.identity, usage))));
    if (result != WriteResult::kAccepted) return result;
    usage_sent_ = true;
  }
  return writer_->Write(net::SseEvent("[DONE]"));
}

WriteResult StreamedChat::SendChunk(int choice, Json delta, Json logprobs,
                                    std::optional<FinishReason> reason) {
  const Json chunk = ChunkJson(settings_.identity, choice, std::move(delta), std::move(logprobs),
                               reason, settings_.include_usage);
  return writer_->Write(net::SseEvent(DumpJson(chunk)));
}

}  // namespace

std::shared_ptr<CompletionAnswer> MakeChatAnswer(std::shared_ptr<net::ResponseWriter> writer,
                                                 bool stream, AnswerSettings settings) {
  if (stream) return std::make_shared<StreamedChat>(std::move(writer), std::move(settings));
  return std::make_shared<WholeChat>(std::move(writer), std::move(settings));
}

}  // namespace dure::api
