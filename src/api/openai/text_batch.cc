#include "api/openai/text_batch.h"

#include <mutex>
#include <optional>
#include <utility>

namespace dure::api {

namespace {

using providers::ChatDelta;
using providers::ChatSink;
using providers::ChatUsage;
using providers::ChoiceEnd;
using providers::Completion;

/// What is known of all parts. Their sinks hold it to their ends.
class Batch : public Completion, public std::enable_shared_from_this<Batch> {
 public:
  Batch(std::shared_ptr<ChatSink> sink, size_t parts)
      : sink_(std::move(sink)), completions_(parts), unfinished_(parts) {}

  Result<void> Start(providers::Provider& provider,
                     const std::vector<providers::TextRequest>& requests);
  void Cancel() override;

 private:
  class Part;

  void Add(size_t part, std::shared_ptr<Completion> completion);
  void OnPartEnd(const Result<ChatUsage>& usage);

  // One call into the sink at a time. Recursive: a sink may cancel from inside, and parts that wait
  // for their model end at once then.
  std::recursive_mutex mutex_;
  std::shared_ptr<ChatSink> sink_;
  std::vector<std::shared_ptr<Completion>> completions_;  // nullptr: not started
  size_t unfinished_;
  ChatUsage usage_;
  std::optional<Error> error_;
  bool cancelled_ = false;
};

class Batch::Part : public ChatSink {
 public:
  Part(std::shared_ptr<Batch> batch, int first_choice)
      : batch_(std::move(batch)), first_choice_(first_choice) {}

  void OnDelta(ChatDelta delta) override {
    const std::lock_guard lock(batch_->mutex_);
    delta.choice += first_choice_;
    if (!batch_->error_) batch_->sink_->OnDelta(std::move(delta));
  }
  void OnChoiceEnd(int choice, const ChoiceEnd& end) override {
    const std::lock_guard lock(batch_->mutex_);
    if (!batch_->error_) batch_->sink_->OnChoiceEnd(first_choice_ + choice, end);
  }
  void OnUsage(const ChatUsage& usage) override {
    const std::lock_guard lock(batch_->mutex_);
    batch_->usage_.prompt_tokens += usage.prompt_tokens;
    batch_->usage_.cached_tokens += usage.cached_tokens;
    batch_->usage_.completion_tokens += usage.completion_tokens;
  }
  void OnEnd(const Result<ChatUsage>& usage) override { batch_->OnPartEnd(usage); }

 private:
  const std::shared_ptr<Batch> batch_;
  const int first_choice_;
};

Result<void> Batch::Start(providers::Provider& provider,
                          const std::vector<providers::TextRequest>& requests) {
  int first_choice = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    auto started = provider.CompleteText(requests[i],
                                         std::make_shared<Part>(shared_from_this(), first_choice));
    if (!started && i == 0) return tl::unexpected(started.error());
    if (started) {
      Add(i, std::move(*started));
    } else {
      OnPartEnd(tl::unexpected(started.error()));
    }
    first_choice += requests[i].choices;
  }
  return {};
}

void Batch::Add(size_t part, std::shared_ptr<Completion> completion) {
  bool unwanted = false;
  {
    const std::lock_guard lock(mutex_);
    completions_[part] = completion;
    unwanted = cancelled_;
  }
  if (unwanted) completion->Cancel();
}

void Batch::OnPartEnd(const Result<ChatUsage>& usage) {
  const std::lock_guard lock(mutex_);
  if (!usage && !error_) {
    error_ = usage.error();
    Cancel();  // the other parts are of no use without this one
  }
  if (--unfinished_ > 0) return;
  const std::shared_ptr<ChatSink> sink = std::exchange(sink_, nullptr);
  sink->OnUsage(usage_);
  if (error_) return sink->OnEnd(tl::unexpected(*error_));
  sink->OnEnd(usage_);
}

void Batch::Cancel() {
  std::vector<std::shared_ptr<Completion>> running;
  {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    running = completions_;
  }
  for (const auto& completion : running) {
    if (completion) completion->Cancel();
  }
}

}  // namespace

Result<std::shared_ptr<Completion>> CompleteTexts(
    providers::Provider& provider, const std::vector<providers::TextRequest>& requests,
    std::shared_ptr<ChatSink> sink) {
  if (requests.size() == 1) return provider.CompleteText(requests.front(), std::move(sink));
  auto batch = std::make_shared<Batch>(std::move(sink), requests.size());
  if (auto started = batch->Start(provider, requests); !started) {
    return tl::unexpected(started.error());
  }
  return batch;
}

}  // namespace dure::api
