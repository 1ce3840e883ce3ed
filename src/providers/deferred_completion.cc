#include "providers/deferred_completion.h"

namespace dure::providers {
namespace {

void End(ChatSink& sink, const Error& error) {
  sink.OnUsage({});
  sink.OnEnd(tl::unexpected(error));
}

}  // namespace

void DeferredCompletion::Cancel() {
  std::shared_ptr<Completion> running;
  std::shared_ptr<ChatSink> waiting;
  {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    running = running_;
    waiting = std::exchange(sink_, nullptr);
  }
  if (running) running->Cancel();
  if (waiting) End(*waiting, {ErrorCode::kCancelled, "the request was cancelled"});
}

void DeferredCompletion::Begin(const Start& start) {
  std::shared_ptr<ChatSink> sink;
  {
    const std::lock_guard lock(mutex_);
    sink = std::exchange(sink_, nullptr);
  }
  if (sink == nullptr) return;  // cancelled
  auto started = start(sink);
  if (!started) return End(*sink, started.error());
  const std::lock_guard lock(mutex_);
  running_ = *std::move(started);
  if (cancelled_) running_->Cancel();
}

}  // namespace dure::providers
