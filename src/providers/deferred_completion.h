// A completion that waits until its model is loaded. Private to providers/.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "providers/provider.h"

namespace dure::providers {

/// A completion whose model is still being loaded, and later the one that runs.
class DeferredCompletion : public Completion {
 public:
  explicit DeferredCompletion(std::shared_ptr<ChatSink> sink) : sink_(std::move(sink)) {}

  void Cancel() override;

  using Start = std::function<Result<std::shared_ptr<Completion>>(std::shared_ptr<ChatSink>)>;
  /// The model is there, or is not: `start` starts the completion with the sink.
  void Begin(const Start& start);

 private:
  std::mutex mutex_;
  std::shared_ptr<ChatSink> sink_;  // until it is given away or ended
  std::shared_ptr<Completion> running_;
  bool cancelled_ = false;
};

}  // namespace dure::providers
