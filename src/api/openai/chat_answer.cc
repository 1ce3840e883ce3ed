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

class WholeAnswer : public ChatAnswer {
 public:
  WholeAnswer(std::shared_ptr<net::ResponseWriter> writer, AnswerSettings settings)
      : ChatAnswer(std::move(writer), settings.ticket),
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
  void Reject(const ApiError& error) override { writer_->Send(ErrorResponse(error)); }

 protected:
  void Fail(const ApiError& error) override { Reject(error); }

 private:
  const AnswerSettings settings_;
  std::vector<ChoiceResult> results_;  // sink calls come one at a time
};

class StreamedAnswer : public ChatAnswer {
 public:
  StreamedAnswer(std::shared_ptr<net::ResponseWriter> writer, AnswerSettings settings)
      : ChatAnswer(std::move(writer), settings.ticket),
        settings_(std::move(settings)),
        choices_(static_cast<size_t>(settings_.choices)) {}

  void OnDelta(ChatDelta delta) override;
  void OnChoiceEnd(int choice, const ChoiceEnd& end) override;
  void OnEnd(const Result<ChatUsage>& usage) override;
  void Reject(const ApiError& error) override { writer_->Send(ErrorResponse(error)); }

 protected:
  // The client sees at once that its request was accepted, however long the prompt takes.
  void OnStarted() override { Flush(); }
  void Fail(const ApiError& error) override;

 private:
  struct Choice {
    std::string text;               // not yet sent
    std::vector<TokenInfo> tokens;  // of that text
    std::optional<FinishReason> end;
    bool role_sent = false;
    bool end_sent = false;
  };

  void Flush();
  WriteResult SendAll();
  WriteResult SendChoice(int index, Choice& choice);
  WriteResult SendEnd();
  WriteResult SendChunk(int choice, Json delta, Json logprobs, std::optional<FinishReason> reason);

  const AnswerSettings settings_;
  std::mutex mutex_;
  std::vector<Choice> choices_;
  std::optional<ApiResult<ChatUsage>> end_;
  size_t coalesced_bytes_ = 0;
  bool started_ = false;
  bool usage_sent_ = false;
  bool waiting_ = false;   // for the client to read
  bool finished_ = false;  // nothing more is written
};

// About what a token with its candidates takes as JSON.
size_t TokensBytes(const std::vector<TokenInfo>& tokens) {
  size_t bytes = 0;
  for (const TokenInfo& token : tokens) bytes += 100 * (1 + token.top.size());
  return bytes;
}

void StreamedAnswer::OnDelta(ChatDelta delta) {
  {
    const std::lock_guard lock(mutex_);
    Choice& choice = choices_[static_cast<size_t>(delta.choice)];
    coalesced_bytes_ += delta.text.size() + TokensBytes(delta.tokens);
    choice.text += delta.text;
    for (TokenInfo& token : delta.tokens) choice.tokens.push_back(std::move(token));
  }
  Flush();
}

void StreamedAnswer::OnChoiceEnd(int choice, const ChoiceEnd& end) {
  {
    const std::lock_guard lock(mutex_);
    choices_[static_cast<size_t>(choice)].end = end.reason;
  }
  Flush();
}

void StreamedAnswer::OnEnd(const Result<ChatUsage>& usage) {
  if (!usage) return Fail(FromProviderError(usage.error()));
  {
    const std::lock_guard lock(mutex_);
    if (end_) return;
    end_ = *usage;
  }
  Flush();
}

void StreamedAnswer::Fail(const ApiError& error) {
  {
    const std::lock_guard lock(mutex_);
    if (end_) return;
    end_ = tl::unexpected(error);
  }
  if (ticket_) ticket_->SetOutcome(RowOf(error).status, error.code);
  Flush();
}

// Sends what can be sent. Runs on whichever thread brings news: the provider's, or the client's
// when it has read.
void StreamedAnswer::Flush() {
  WriteResult result = WriteResult::kAccepted;
  bool too_much = false;
  {
    const std::lock_guard lock(mutex_);
    too_much = coalesced_bytes_ > settings_.max_coalesced_bytes;
    if (finished_ || (waiting_ && !too_much)) return;
    if (!std::exchange(started_, true)) writer_->StartStream(200, net::SseHeaders());
    result = too_much ? WriteResult::kGone : SendAll();
    waiting_ = result == WriteResult::kFull;
    finished_ = finished_ || result == WriteResult::kGone;
  }
  if (result == WriteResult::kGone) {
    writer_->Abort();
    CancelCompletion();
  } else if (result == WriteResult::kFull) {
    // The weak pointer breaks the circle: the writer is held by this answer.
    writer_->OnWritable([weak = weak_from_this()] {
      const auto self = std::static_pointer_cast<StreamedAnswer>(weak.lock());
      if (!self) return;
      {
        const std::lock_guard lock(self->mutex_);
        self->waiting_ = false;
      }
      self->Flush();
    });
  }
}

WriteResult StreamedAnswer::SendAll() {
  for (size_t i = 0; i < choices_.size(); ++i) {
    const WriteResult result = SendChoice(static_cast<int>(i), choices_[i]);
    if (result != WriteResult::kAccepted) return result;
  }
  coalesced_bytes_ = 0;
  return end_ ? SendEnd() : WriteResult::kAccepted;
}

WriteResult StreamedAnswer::SendChoice(int index, Choice& choice) {
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

WriteResult StreamedAnswer::SendEnd() {
  if (!*end_) {
    // Without [DONE]: a client can tell that the answer is not whole.
    const WriteResult result = writer_->Write(net::SseEvent(ErrorJson(end_->error())));
    if (result != WriteResult::kAccepted) return result;
    finished_ = true;
    writer_->Finish();
    return result;
  }
  if (settings_.include_usage && !usage_sent_) {
    const WriteResult result =
        writer_->Write(net::SseEvent(DumpJson(UsageChunkJson(settings_.identity, **end_))));
    if (result != WriteResult::kAccepted) return result;
    usage_sent_ = true;
  }
  const WriteResult result = writer_->Write(net::SseEvent("[DONE]"));
  if (result != WriteResult::kAccepted) return result;
  finished_ = true;
  writer_->Finish();
  return result;
}

WriteResult StreamedAnswer::SendChunk(int choice, Json delta, Json logprobs,
                                      std::optional<FinishReason> reason) {
  const Json chunk = ChunkJson(settings_.identity, choice, std::move(delta), std::move(logprobs),
                               reason, settings_.include_usage);
  return writer_->Write(net::SseEvent(DumpJson(chunk)));
}

}  // namespace

void ChatAnswer::Watch() {
  writer_->OnClientGone([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->CancelCompletion();
  });
  if (!ticket_) return;
  ticket_->OnEnded([weak = weak_from_this()](const ApiError& error) {
    const auto self = weak.lock();
    if (!self) return;
    self->Fail(error);
    self->CancelCompletion();
  });
}

void ChatAnswer::OnUsage(const ChatUsage& usage) {
  if (ticket_) ticket_->SetUsage(usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens);
}

void ChatAnswer::Attach(std::shared_ptr<providers::Completion> completion) {
  bool unwanted = false;
  {
    const std::lock_guard lock(completion_mutex_);
    completion_ = completion;
    unwanted = unwanted_;
  }
  if (unwanted) return completion->Cancel();
  OnStarted();
}

void ChatAnswer::CancelCompletion() {
  std::shared_ptr<providers::Completion> completion;
  {
    const std::lock_guard lock(completion_mutex_);
    unwanted_ = true;
    completion = completion_;
  }
  if (completion) completion->Cancel();
}

std::shared_ptr<ChatAnswer> MakeWholeAnswer(std::shared_ptr<net::ResponseWriter> writer,
                                            AnswerSettings settings) {
  return std::make_shared<WholeAnswer>(std::move(writer), std::move(settings));
}

std::shared_ptr<ChatAnswer> MakeStreamedAnswer(std::shared_ptr<net::ResponseWriter> writer,
                                               AnswerSettings settings) {
  return std::make_shared<StreamedAnswer>(std::move(writer), std::move(settings));
}

}  // namespace dure::api
