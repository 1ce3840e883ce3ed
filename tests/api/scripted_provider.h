// A provider whose completions the test itself drives: what the API does with every order of
// events, which no real model would give on demand.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "providers/provider.h"

namespace dure::test {

class ScriptedProvider : public providers::Provider {
 public:
  struct Call {
    providers::ChatRequest request;
    std::shared_ptr<providers::ChatSink> sink;
  };

  std::vector<providers::ModelInfo> models() const override {
    const std::lock_guard lock(mutex_);
    return models_;
  }
  std::vector<providers::ModelStats> stats() const override {
    const std::lock_guard lock(mutex_);
    return {stats_};
  }

  Result<std::shared_ptr<providers::Completion>> Complete(
      const providers::ChatRequest& request, std::shared_ptr<providers::ChatSink> sink) override {
    const std::lock_guard lock(mutex_);
    if (refusal_) return tl::unexpected(*refusal_);
    call_ = Call{request, std::move(sink)};
    changed_.notify_all();
    return std::make_shared<Running>(this);
  }

  struct TextCall {
    providers::TextRequest request;
    std::shared_ptr<providers::ChatSink> sink;
  };
  Result<std::shared_ptr<providers::Completion>> CompleteText(
      const providers::TextRequest& request, std::shared_ptr<providers::ChatSink> sink) override {
    const std::lock_guard lock(mutex_);
    if (refusal_) return tl::unexpected(*refusal_);
    text_calls_.push_back({request, std::move(sink)});
    changed_.notify_all();
    return std::make_shared<Running>(this);
  }

  struct EmbedCall {
    providers::EmbeddingRequest request;
    std::function<void(Result<providers::Embeddings>)> done;
  };
  Result<std::shared_ptr<providers::Completion>> Embed(
      const providers::EmbeddingRequest& request,
      std::function<void(Result<providers::Embeddings>)> done) override {
    const std::lock_guard lock(mutex_);
    if (refusal_) return tl::unexpected(*refusal_);
    embed_calls_.push_back({request, std::move(done)});
    changed_.notify_all();
    return std::make_shared<Running>(this);
  }
  EmbedCall NextEmbed() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(10), [&] { return !embed_calls_.empty(); });
    EmbedCall call = embed_calls_.front();
    embed_calls_.pop_front();
    return call;
  }

  void SetModels(std::vector<providers::ModelInfo> models) {
    const std::lock_guard lock(mutex_);
    models_ = std::move(models);
  }
  void SetStats(providers::ModelStats stats) {
    const std::lock_guard lock(mutex_);
    stats_ = std::move(stats);
  }
  void Refuse(Error error) {
    const std::lock_guard lock(mutex_);
    refusal_ = std::move(error);
  }

  /// Waits for the next completion to be asked for.
  Call Next() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(10), [&] { return call_.has_value(); });
    return *std::exchange(call_, std::nullopt);
  }
  /// Waits for the next text to be continued.
  TextCall NextText() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(10), [&] { return !text_calls_.empty(); });
    TextCall call = text_calls_.front();
    text_calls_.pop_front();
    return call;
  }
  bool WaitForCancel() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return cancelled_; });
  }

 private:
  class Running : public providers::Completion {
   public:
    explicit Running(ScriptedProvider* provider) : provider_(provider) {}
    void Cancel() override {
      const std::lock_guard lock(provider_->mutex_);
      provider_->cancelled_ = true;
      provider_->changed_.notify_all();
    }

   private:
    ScriptedProvider* provider_;
  };

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<providers::ModelInfo> models_;
  providers::ModelStats stats_{"m", 1, 2, 3, 4, 5, 6};
  std::optional<Error> refusal_;
  std::optional<Call> call_;
  std::deque<TextCall> text_calls_;
  std::deque<EmbedCall> embed_calls_;
  bool cancelled_ = false;
};

}  // namespace dure::test
