// Embeddings that wait until their model is loaded. Private to providers/.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "providers/provider.h"

namespace dure::providers {

class DeferredEmbedding : public Completion {
 public:
  using Done = std::function<void(Result<Embeddings>)>;

  explicit DeferredEmbedding(Done done) : done_(std::make_shared<Done>(std::move(done))) {}

  void Cancel() override {
    std::shared_ptr<Completion> running;
    std::shared_ptr<Done> waiting;
    {
      const std::lock_guard lock(mutex_);
      cancelled_ = true;
      running = running_;
      waiting = std::exchange(done_, nullptr);
    }
    if (running) running->Cancel();
    if (waiting) (*waiting)(Fail(ErrorCode::kCancelled, "the request was cancelled"));
  }

  /// The model is there, or is not: `start` starts the work.
  void Begin(const std::function<Result<std::shared_ptr<Completion>>(Done)>& start) {
    std::shared_ptr<Done> done;
    {
      const std::lock_guard lock(mutex_);
      done = std::exchange(done_, nullptr);
    }
    if (done == nullptr) return;  // cancelled
    auto started = start(*done);
    if (!started) return (*done)(tl::unexpected(started.error()));
    const std::lock_guard lock(mutex_);
    running_ = *std::move(started);
    if (cancelled_) running_->Cancel();
  }

 private:
  std::mutex mutex_;
  std::shared_ptr<Done> done_;  // until it is given away or called
  std::shared_ptr<Completion> running_;
  bool cancelled_ = false;
};

}  // namespace dure::providers
