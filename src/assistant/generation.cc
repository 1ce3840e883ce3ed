#include "assistant/generation.h"

#include <algorithm>
#include <utility>

namespace dure::assistant {

namespace {

using providers::Json;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// What is left of a piece after the part that was told before.
std::string Rest(std::string text, size_t& skip) {
  const size_t skipped = std::min(skip, text.size());
  skip -= skipped;
  return text.substr(skipped);
}

}  // namespace

void Generation::Restore(std::vector<GenerationEvent> events, GenerationState state) {
  const std::lock_guard lock(mutex_);
  events_ = std::move(events);
  state_ = std::move(state);
  skip_text_ = state_.text.size();
  skip_reasoning_ = state_.reasoning.size();
  skip_tokens_ = state_.tokens.size();
}

void Generation::Begin(std::string start_data) {
  {
    const std::lock_guard lock(mutex_);
    Push("start", std::move(start_data), {});
  }
  Wake();
}

void Generation::Attach(std::shared_ptr<providers::Completion> completion) {
  bool stopped = false;
  {
    const std::lock_guard lock(mutex_);
    completion_ = completion;
    stopped = stopped_;
  }
  if (stopped) completion->Cancel();
}

void Generation::Reject(const Error& error) { OnEnd(tl::unexpected(error)); }

void Generation::Stop() {
  std::shared_ptr<providers::Completion> completion;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    completion = completion_;
  }
  if (completion) completion->Cancel();
}

void Generation::Close(std::string end_data) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    closed_ = true;
    events_.push_back({++state_.last_event, "end", std::move(end_data)});
    completion_ = nullptr;
  }
  Wake();
}

GenerationState Generation::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

std::vector<GenerationEvent> Generation::Read(int64_t after, bool& closed,
                                              std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  const auto first =
      std::upper_bound(events_.begin(), events_.end(), after,
                       [](int64_t id, const GenerationEvent& event) { return id < event.id; });
  closed = closed_;
  if (first == events_.end() && !closed_) waiting_.push_back(std::move(wake));
  return {first, events_.end()};
}

void Generation::OnDelta(providers::ChatDelta delta) {
  {
    const std::lock_guard lock(mutex_);
    const std::string reasoning = Rest(std::move(delta.reasoning), skip_reasoning_);
    const std::string text = Rest(std::move(delta.text), skip_text_);
    std::vector<int32_t> tokens = std::move(delta.token_ids);
    const size_t known = std::min(skip_tokens_, tokens.size());
    skip_tokens_ -= known;
    tokens.erase(tokens.begin(), tokens.begin() + static_cast<long>(known));
    state_.reasoning += reasoning;
    state_.text += text;
    state_.tokens.insert(state_.tokens.end(), tokens.begin(), tokens.end());
    // Tokens go with the first event of a piece: whoever has the later one has the earlier, too.
    if (!reasoning.empty()) {
      Push("reasoning", Dump({{"text", reasoning}}),
           text.empty() ? tokens : std::vector<int32_t>());
    }
    if (!text.empty()) Push("text", Dump({{"text", text}}), tokens);
  }
  Wake();
}

void Generation::OnChoiceEnd(int, const providers::ChoiceEnd& end) {
  const std::lock_guard lock(mutex_);
  finish_reason_ = end.reason == providers::FinishReason::kLength ? "length" : "stop";
}

void Generation::OnUsage(const providers::ChatUsage& usage) {
  const std::lock_guard lock(mutex_);
  usage_ = usage;
}

void Generation::OnEnd(const Result<providers::ChatUsage>& usage) {
  End end;
  {
    const std::lock_guard lock(mutex_);
    end.usage = usage ? *usage : usage_;
    end.finish_reason = finish_reason_;
    const bool cancelled = !usage && usage.error().code == ErrorCode::kCancelled;
    end.status = usage ? "complete" : stopped_ && cancelled ? "stopped" : "failed";
    if (end.status == "failed") end.error = usage.error();
  }
  hooks_.ended(end);
}

void Generation::Push(const char* type, std::string data, const std::vector<int32_t>& tokens) {
  events_.push_back({++state_.last_event, type, std::move(data)});
  if (hooks_.keep) hooks_.keep(events_.back(), tokens);
}

void Generation::Wake() {
  std::vector<std::function<void()>> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting.swap(waiting_);
  }
  for (const auto& wake : waiting) wake();
}

}  // namespace dure::assistant
