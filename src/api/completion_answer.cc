#include "api/completion_answer.h"

#include "net/sse.h"

namespace dure::api {

using net::WriteResult;
using providers::ChatUsage;
using providers::TokenInfo;

void WatchedAnswer::Watch() {
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

void CompletionAnswer::OnUsage(const ChatUsage& usage) {
  if (ticket_) ticket_->SetUsage(usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens);
}

void WatchedAnswer::Attach(std::shared_ptr<providers::Completion> completion) {
  bool unwanted = false;
  {
    const std::lock_guard lock(completion_mutex_);
    completion_ = completion;
    unwanted = unwanted_;
  }
  if (unwanted) return completion->Cancel();
  OnStarted();
}

void WatchedAnswer::CancelCompletion() {
  std::shared_ptr<providers::Completion> completion;
  {
    const std::lock_guard lock(completion_mutex_);
    unwanted_ = true;
    completion = completion_;
  }
  if (completion) completion->Cancel();
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
    too_much = coalesced_bytes_ > max_coalesced_bytes_;
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
  WriteResult result = SendNews();
  if (result != WriteResult::kAccepted) return result;
  coalesced_bytes_ = 0;
  if (!end_) return result;
  result = *end_ ? SendLast(**end_) : SendError(end_->error());
  if (result != WriteResult::kAccepted) return result;
  finished_ = true;
  writer_->Finish();
  return result;
}

WriteResult StreamedAnswer::SendError(const ApiError& error) {
  // Without a last event: a client can tell that the answer is not whole.
  return writer_->Write(net::SseEvent(ErrorJson(error)));
}

size_t TokensBytes(const std::vector<TokenInfo>& tokens) {
  size_t bytes = 0;
  for (const TokenInfo& token : tokens) bytes += 100 * (1 + token.top.size());
  return bytes;
}

}  // namespace dure::api
