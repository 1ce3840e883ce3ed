#include "providers/local_completion.h"

#include <algorithm>
#include <utility>

namespace dure::providers {

namespace {

engine::SamplingParams EngineSampling(const Sampling& sampling, uint64_t seed) {
  engine::SamplingParams params;
  params.temperature = sampling.temperature;
  params.top_k = sampling.top_k;
  params.top_p = sampling.top_p;
  params.min_p = sampling.min_p;
  params.typical_p = sampling.typical_p;
  params.repetition_penalty = sampling.repetition_penalty;
  params.presence_penalty = sampling.presence_penalty;
  params.frequency_penalty = sampling.frequency_penalty;
  params.logit_bias.assign(sampling.logit_bias.begin(), sampling.logit_bias.end());
  params.seed = seed;
  return params;
}

}  // namespace

engine::GenerateRequest EngineRequest(const CompletionOptions& options,
                                      const std::function<uint64_t()>& random_seed) {
  engine::GenerateRequest request;
  request.sampling = EngineSampling(options.sampling,
                                    options.sampling.seed ? *options.sampling.seed : random_seed());
  request.max_tokens = options.max_tokens;
  request.stop = options.stop;
  request.top_logprobs = options.top_logprobs;
  request.continued = options.continued;
  request.tenant = options.tenant;
  request.queue_deadline = options.queue_deadline;
  return request;
}

TokenInfo DescribeToken(const text::Tokenizer& tokenizer, const engine::TokenEvent& event) {
  const auto spelled = [&](engine::TokenId id, float logprob) {
    return TokenLogprob{tokenizer.TokenBytes(id, /*render_control=*/true), logprob};
  };
  TokenInfo info;
  info.chosen = spelled(event.id, event.logprob);
  info.top.reserve(event.top.size());
  for (const engine::TokenLogprob& candidate : event.top) {
    info.top.push_back(spelled(candidate.id, candidate.logprob));
  }
  return info;
}

/// One choice's end of the engine. Holds the completion until its OnFinish.
class LocalCompletion::ChoiceSink : public engine::Sink {
 public:
  ChoiceSink(std::shared_ptr<LocalCompletion> completion, int choice)
      : completion_(std::move(completion)), choice_(choice) {}
  void OnToken(const engine::TokenEvent& event) override { completion_->OnToken(choice_, event); }
  void OnFinish(const engine::FinishEvent& event) override {
    completion_->OnFinish(choice_, event);
  }

 private:
  std::shared_ptr<LocalCompletion> completion_;
  int choice_;
};

LocalCompletion::LocalCompletion(std::shared_ptr<EngineLink> link,
                                 std::shared_ptr<const text::Tokenizer> tokenizer,
                                 std::shared_ptr<ChatSink> sink, int choices,
                                 std::shared_ptr<void> use, const AnswerReading& reading)
    : link_(std::move(link)),
      tokenizer_(std::move(tokenizer)),
      use_(std::move(use)),
      sink_(std::move(sink)),
      token_ids_(static_cast<size_t>(choices)),
      unfinished_(choices) {
  for (int choice = 0; choice < choices; ++choice) readers_.emplace_back(choice, reading);
}

Result<void> LocalCompletion::Start(engine::Engine& engine,
                                    const engine::GenerateRequest& request) {
  const int choices = unfinished_;
  want_tokens_ = request.top_logprobs >= 0;
  // Held while submitting: the engine's thread waits in Abandoned() until all choices are in, or
  // none counts.
  const std::lock_guard lock(mutex_);
  for (int choice = 0; choice < choices; ++choice) {
    engine::GenerateRequest one = request;
    one.sampling.choice = static_cast<uint32_t>(choice);
    auto id =
        engine.Submit(std::move(one), std::make_shared<ChoiceSink>(shared_from_this(), choice));
    if (!id) {
      abandoned_ = true;
      for (const engine::RequestId submitted : ids_) link_->Cancel(submitted);
      return tl::unexpected(id.error());
    }
    ids_.push_back(*id);
  }
  return {};
}

void LocalCompletion::Cancel() {
  std::vector<engine::RequestId> ids;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(cancelled_, true)) return;
    ids = ids_;
  }
  for (const engine::RequestId id : ids) link_->Cancel(id);
}

bool LocalCompletion::Abandoned() {
  const std::lock_guard lock(mutex_);
  return abandoned_;
}

void LocalCompletion::Send(int choice, std::vector<ChatDelta> deltas) {
  if (!deltas.empty()) {
    deltas.back().token_ids = std::exchange(token_ids_[static_cast<size_t>(choice)], {});
  }
  for (ChatDelta& delta : deltas) sink_->OnDelta(std::move(delta));
}

// Log-probabilities travel with the text of their tokens: what a stop string cuts off is never
// sent.
void LocalCompletion::OnToken(int choice, const engine::TokenEvent& event) {
  if (Abandoned() || error_) return;
  AnswerReader& reader = readers_[static_cast<size_t>(choice)];
  if (!tokenizer_->IsEndOfGeneration(event.id)) {
    if (want_tokens_) reader.Hold(DescribeToken(*tokenizer_, event));
    token_ids_[static_cast<size_t>(choice)].push_back(event.id);
  }
  if (!event.text.empty()) Send(choice, reader.Push(event.text));
}

/// The first error counts; the other choices are of no use without this one.
void LocalCompletion::FailAll(Error error) {
  error_ = std::move(error);
  Cancel();
}

void LocalCompletion::EndChoice(int choice, const engine::FinishEvent& event) {
  const bool stopped = event.reason == engine::FinishReason::kStop;
  if (!stopped && event.reason != engine::FinishReason::kLength) {
    return FailAll(event.error.value_or(Error{ErrorCode::kCancelled, "the request was cancelled"}));
  }
  AnswerReader& reader = readers_[static_cast<size_t>(choice)];
  if (event.stop_match && event.text.empty()) reader.ForgetTokens();
  if (!event.text.empty()) Send(choice, reader.Push(event.text));
  Send(choice, reader.Finish());
  auto reason = reader.Reason(stopped ? FinishReason::kStop : FinishReason::kLength);
  if (!reason) return FailAll(reason.error());
  sink_->OnChoiceEnd(choice, {*reason, event.stop_match});
}

void LocalCompletion::OnFinish(int choice, const engine::FinishEvent& event) {
  if (Abandoned()) return;
  usage_.prompt_tokens = std::max(usage_.prompt_tokens, event.usage.prompt_tokens);
  // The choices share one prompt; what they found of each other's was not there before.
  cached_tokens_ =
      std::min(cached_tokens_.value_or(event.usage.cached_tokens), event.usage.cached_tokens);
  usage_.cached_tokens = *cached_tokens_;
  usage_.completion_tokens += event.usage.completion_tokens;
  if (!error_) EndChoice(choice, event);
  if (--unfinished_ > 0) return;
  const std::shared_ptr<ChatSink> sink = std::exchange(sink_, nullptr);
  const std::shared_ptr<void> use = std::exchange(use_, nullptr);
  sink->OnUsage(usage_);
  if (error_) return sink->OnEnd(tl::unexpected(*error_));
  sink->OnEnd(usage_);
}

}  // namespace dure::providers
