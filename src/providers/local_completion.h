// One chat completion on a local engine: as many engine requests as it has choices. Private to
// providers/.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "providers/answer_reader.h"
#include "providers/provider.h"
#include "text/tokenizer.h"

namespace dure::providers {

/// The engine as completions see it: taken away before it is destroyed, so that a late Cancel finds
/// nothing.
class EngineLink {
 public:
  explicit EngineLink(engine::Engine* engine) : engine_(engine) {}
  void Cancel(engine::RequestId id) {
    const std::lock_guard lock(mutex_);
    if (engine_ != nullptr) engine_->Cancel(id);
  }
  void Cut() {
    const std::lock_guard lock(mutex_);
    engine_ = nullptr;
  }

 private:
  std::mutex mutex_;
  engine::Engine* engine_;
};

/// Everything but the prompt and the constraint. random_seed: for requests without a seed.
engine::GenerateRequest EngineRequest(const CompletionOptions& options,
                                      const std::function<uint64_t()>& random_seed);

/// The chosen token and the best ones, spelled; control tokens too.
TokenInfo DescribeToken(const text::Tokenizer& tokenizer, const engine::TokenEvent& event);

class LocalCompletion : public Completion, public std::enable_shared_from_this<LocalCompletion> {
 public:
  /// use: keeps the model loaded until the end.
  LocalCompletion(std::shared_ptr<EngineLink> link,
                  std::shared_ptr<const text::Tokenizer> tokenizer, std::shared_ptr<ChatSink> sink,
                  int choices, std::shared_ptr<void> use, const AnswerReading& reading = {});

  /// Submits the request once for each choice. With an error the sink is never called.
  Result<void> Start(engine::Engine& engine, const engine::GenerateRequest& request);
  void Cancel() override;

 private:
  class ChoiceSink;

  void OnToken(int choice, const engine::TokenEvent& event);
  void OnFinish(int choice, const engine::FinishEvent& event);
  void EndChoice(int choice, const engine::FinishEvent& event);
  void Send(int choice, std::vector<ChatDelta> deltas);
  void FailAll(Error error);
  bool Abandoned();

  const std::shared_ptr<EngineLink> link_;
  const std::shared_ptr<const text::Tokenizer> tokenizer_;

  std::shared_ptr<void> use_;

  // Called by the engine's thread alone, one event at a time.
  std::shared_ptr<ChatSink> sink_;
  std::vector<AnswerReader> readers_;            // by choice
  std::vector<std::vector<int32_t>> token_ids_;  // by choice: that no delta has told yet
  int unfinished_;
  bool want_tokens_ = false;  // set before the first event
  ChatUsage usage_;
  std::optional<int> cached_tokens_;
  std::optional<Error> error_;

  std::mutex mutex_;
  std::vector<engine::RequestId> ids_;
  bool cancelled_ = false;
  bool abandoned_ = false;  // Start failed halfway: nothing reaches the sink
};

}  // namespace dure::providers
