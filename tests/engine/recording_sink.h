// A sink that keeps everything and lets a test wait for it.
#pragma once

#include <bit>
#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace dure::engine::testing {

class RecordingSink : public Sink {
 public:
  void OnToken(const TokenEvent& event) override {
    const std::lock_guard lock(mutex_);
    tokens_.push_back(event);
    changed_.notify_all();
  }
  void OnFinish(const FinishEvent& event) override {
    const std::lock_guard lock(mutex_);
    finish_ = event;
    ++finishes_;
    changed_.notify_all();
  }

  void WaitForTokens(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return tokens_.size() >= count || finish_; });
  }
  const FinishEvent& WaitForFinish() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return finish_.has_value(); });
    return *finish_;
  }

  /// After the finish.
  const std::vector<TokenEvent>& events() const { return tokens_; }
  int finishes() const { return finishes_; }
  std::vector<TokenId> ids() const {
    std::vector<TokenId> ids;
    for (const TokenEvent& event : tokens_) ids.push_back(event.id);
    return ids;
  }
  std::string text() const {
    std::string text;
    for (const TokenEvent& event : tokens_) text += event.text;
    return text + finish_->text;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<TokenEvent> tokens_;
  std::optional<FinishEvent> finish_;
  int finishes_ = 0;
};

/// Holds the engine at its first token, or a later one, until the test lets go: what the test
/// submits meanwhile comes while this one runs, however slow the machine is.
class HoldingSink : public RecordingSink {
 public:
  explicit HoldingSink(size_t hold_at = 1) : hold_at_(hold_at) {}
  void OnToken(const TokenEvent& event) override {
    RecordingSink::OnToken(event);
    if (events().size() >= hold_at_) released_.wait();
  }
  void Release() { release_.set_value(); }

 private:
  size_t hold_at_;
  std::promise<void> release_;
  std::shared_future<void> released_ = release_.get_future();
};

/// Ids and the bits of every log-probability, token after token.
inline std::vector<uint32_t> EventBits(const std::vector<TokenEvent>& events) {
  std::vector<uint32_t> bits;
  for (const TokenEvent& event : events) {
    bits.push_back(static_cast<uint32_t>(event.id));
    bits.push_back(std::bit_cast<uint32_t>(event.logprob));
    for (const TokenLogprob& entry : event.top) {
      bits.push_back(static_cast<uint32_t>(entry.id));
      bits.push_back(std::bit_cast<uint32_t>(entry.logprob));
    }
  }
  return bits;
}

}  // namespace dure::engine::testing
