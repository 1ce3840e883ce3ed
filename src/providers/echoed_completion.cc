#include "providers/echoed_completion.h"

#include <limits>

namespace dure::providers {

class EchoedCompletion::ScoreSink : public engine::Sink {
 public:
  explicit ScoreSink(std::shared_ptr<EchoedCompletion> completion)
      : completion_(std::move(completion)) {}
  void OnToken(const engine::TokenEvent& event) override { completion_->OnScored(event); }
  void OnFinish(const engine::FinishEvent& event) override { completion_->OnScoreEnd(event); }

 private:
  std::shared_ptr<EchoedCompletion> completion_;
};

class EchoedCompletion::AnswerSink : public ChatSink {
 public:
  explicit AnswerSink(std::shared_ptr<EchoedCompletion> completion)
      : completion_(std::move(completion)) {}
  void OnDelta(ChatDelta delta) override { completion_->OnEvent(std::move(delta)); }
  void OnChoiceEnd(int choice, const ChoiceEnd& end) override {
    completion_->OnEvent(std::pair(choice, end));
  }
  void OnUsage(const ChatUsage& usage) override {
    if (completion_->Counts()) completion_->usage_ = usage;
  }
  void OnEnd(const Result<ChatUsage>& usage) override { completion_->OnAnswerEnd(usage); }

 private:
  std::shared_ptr<EchoedCompletion> completion_;
};

EchoedCompletion::EchoedCompletion(std::shared_ptr<EngineLink> link,
                                   std::shared_ptr<const text::Tokenizer> tokenizer,
                                   std::shared_ptr<ChatSink> sink, int choices, Echo echo,
                                   std::shared_ptr<void> use)
    : link_(std::move(link)),
      tokenizer_(std::move(tokenizer)),
      choices_(choices),
      echo_(std::move(echo)),
      use_(std::move(use)),
      sink_(std::move(sink)) {}

Result<void> EchoedCompletion::Start(engine::Engine& engine,
                                     const engine::GenerateRequest& request) {
  // Held while submitting: the engine's thread waits in Counts() until both are in, or none counts.
  const std::lock_guard lock(start_mutex_);
  if (auto submitted = Submit(engine, request); !submitted) {
    abandoned_ = true;
    Cancel();
    return submitted;
  }
  if (scoring_) return {};
  usage_.prompt_tokens = static_cast<int>(request.prompt.size());
  SendEcho();
  if (!answering_) End();
  return {};
}

Result<void> EchoedCompletion::Submit(engine::Engine& engine,
                                      const engine::GenerateRequest& request) {
  const bool score = request.top_logprobs >= 0;
  if (score) {
    // Nothing stands before the first token, and what stands before it unseen is none of the
    // text's.
    TokenInfo first;
    if (!echo_.bytes.empty()) {
      first.chosen = {echo_.bytes.front(), std::numeric_limits<float>::quiet_NaN()};
      scored_.push_back(std::move(first));
    }
    if (echo_.tokens.size() > 1) {
      if (auto submitted = SubmitScore(engine, request); !submitted) return submitted;
    }
  }
  wants_answer_ = request.max_tokens != 0;
  if (!wants_answer_) return {};
  auto answer = std::make_shared<LocalCompletion>(
      link_, tokenizer_, std::make_shared<AnswerSink>(shared_from_this()), choices_, nullptr);
  answering_ = true;
  if (auto started = answer->Start(engine, request); !started) return started;
  const std::lock_guard lock(cancel_mutex_);
  answer_ = std::move(answer);
  return {};
}

Result<void> EchoedCompletion::SubmitScore(engine::Engine& engine,
                                           const engine::GenerateRequest& request) {
  engine::GenerateRequest score;
  score.prompt = echo_.before;
  score.prompt.push_back(echo_.tokens.front());
  score.forced.assign(echo_.tokens.begin() + 1, echo_.tokens.end());
  score.top_logprobs = request.top_logprobs;
  score.tenant = request.tenant;
  score.queue_deadline = request.queue_deadline;
  auto id = engine.Submit(std::move(score), std::make_shared<ScoreSink>(shared_from_this()));
  if (!id) return tl::unexpected(id.error());
  scoring_ = true;
  const std::lock_guard lock(cancel_mutex_);
  score_ = *id;
  return {};
}

void EchoedCompletion::Cancel() {
  const std::lock_guard lock(cancel_mutex_);
  if (score_) link_->Cancel(*score_);
  if (answer_) answer_->Cancel();
}

bool EchoedCompletion::Counts() {
  const std::lock_guard lock(start_mutex_);
  return !abandoned_;
}

void EchoedCompletion::OnScored(const engine::TokenEvent& event) {
  if (!Counts() || error_) return;
  TokenInfo info = DescribeToken(*tokenizer_, event);
  info.chosen.bytes = echo_.bytes[scored_.size()];
  scored_.push_back(std::move(info));
}

void EchoedCompletion::OnScoreEnd(const engine::FinishEvent& event) {
  if (!Counts()) return;
  scoring_ = false;
  if (!wants_answer_) {
    usage_.prompt_tokens = event.usage.prompt_tokens + event.usage.completion_tokens;
  }
  const bool whole =
      event.reason == engine::FinishReason::kStop || event.reason == engine::FinishReason::kLength;
  if (!whole && !error_) {
    error_ = event.error.value_or(Error{ErrorCode::kCancelled, "the request was cancelled"});
    Cancel();
  }
  if (!error_) SendEcho();
  if (!answering_) End();
}

void EchoedCompletion::OnEvent(Event event) {
  if (!Counts() || error_) return;
  if (echoed_) return Send(std::move(event));
  held_.push_back(std::move(event));
}

void EchoedCompletion::OnAnswerEnd(const Result<ChatUsage>& usage) {
  if (!Counts()) return;
  answering_ = false;
  if (!usage && !error_) {
    error_ = usage.error();
    Cancel();
  }
  if (!scoring_) End();
}

void EchoedCompletion::SendEcho() {
  for (int choice = 0; choice < choices_; ++choice) {
    sink_->OnDelta({choice, echo_.text, scored_, {}, {}});
  }
  echoed_ = true;
  for (Event& event : std::exchange(held_, {})) Send(std::move(event));
}

void EchoedCompletion::Send(Event event) {
  if (auto* delta = std::get_if<ChatDelta>(&event)) return sink_->OnDelta(std::move(*delta));
  const auto& [choice, end] = std::get<std::pair<int, ChoiceEnd>>(event);
  sink_->OnChoiceEnd(choice, end);
}

void EchoedCompletion::End() {
  const std::shared_ptr<ChatSink> sink = std::exchange(sink_, nullptr);
  const std::shared_ptr<void> use = std::exchange(use_, nullptr);
  if (!error_ && !wants_answer_) {
    for (int choice = 0; choice < choices_; ++choice) {
      sink->OnChoiceEnd(choice, {FinishReason::kLength, {}});
    }
  }
  sink->OnUsage(usage_);
  if (error_) return sink->OnEnd(tl::unexpected(*error_));
  sink->OnEnd(usage_);
}

}  // namespace dure::providers
