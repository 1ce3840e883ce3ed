// One answer of a chat as it grows: events with ascending ids that any number of readers follow,
// each from its own place, while the model goes on whether anybody reads or not.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "providers/provider.h"

namespace dure::assistant {

struct GenerationEvent {
  int64_t id = 0;
  std::string type;  // "start", "text", "reasoning", "end" (docs/web-api.md)
  std::string data;  // JSON
};

/// What has come so far.
struct GenerationState {
  std::string text;
  std::string reasoning;
  std::vector<int32_t> tokens;
  int64_t last_event = 0;
};

/// Thread-safe.
class Generation : public providers::ChatSink, public std::enable_shared_from_this<Generation> {
 public:
  struct End {
    std::string status;         // "complete", "stopped", "failed"
    std::string finish_reason;  // "stop", "length", ""
    std::optional<Error> error;
    providers::ChatUsage usage;
  };
  /// keep: called for each event, in order, before readers see it; with the tokens that belong to
  /// it. ended: called once, from the model's thread: must return quickly, and leads to Close.
  struct Hooks {
    std::function<void(const GenerationEvent&, const std::vector<int32_t>& tokens)> keep;
    std::function<void(const End&)> ended;
  };

  explicit Generation(Hooks hooks) : hooks_(std::move(hooks)) {}

  /// Goes on from what an earlier run gave: the model tells it again first, which is left out.
  void Restore(std::vector<GenerationEvent> events, GenerationState state);
  void Begin(std::string start_data);
  void Attach(std::shared_ptr<providers::Completion> completion);
  /// The completion could not start.
  void Reject(const Error& error);
  void Stop();
  /// The last event; nothing comes after it.
  void Close(std::string end_data);

  GenerationState state() const;
  /// Events behind `after`; closed: these are the last. With none and not closed, `wake` is called
  /// once when there is news.
  std::vector<GenerationEvent> Read(int64_t after, bool& closed, std::function<void()> wake);

  void OnDelta(providers::ChatDelta delta) override;
  void OnChoiceEnd(int choice, const providers::ChoiceEnd& end) override;
  void OnUsage(const providers::ChatUsage& usage) override;
  void OnEnd(const Result<providers::ChatUsage>& usage) override;

 private:
  void Push(const char* type, std::string data, const std::vector<int32_t>& tokens);
  void Wake();

  const Hooks hooks_;
  mutable std::mutex mutex_;
  std::vector<GenerationEvent> events_;
  std::vector<std::function<void()>> waiting_;
  GenerationState state_;
  size_t skip_text_ = 0;  // bytes that the model tells again
  size_t skip_reasoning_ = 0;
  size_t skip_tokens_ = 0;
  std::string finish_reason_;
  providers::ChatUsage usage_;
  std::shared_ptr<providers::Completion> completion_;
  bool stopped_ = false;
  bool closed_ = false;
};

}  // namespace dure::assistant
