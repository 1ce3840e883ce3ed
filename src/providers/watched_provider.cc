#include "providers/watched_provider.h"

#include <map>
#include <utility>

namespace dure::providers {

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kFirstTokenBounds[] = {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
                                        2.5,  5,     10,   30,  60,   120};
constexpr double kBetweenBounds[] = {0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1,
                                     0.15,  0.2,  0.3,  0.5,  1,    2};

double Seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

/// Whether an error's message is for the operator and not for whoever asked.
bool IsForTheLog(ErrorCode code) {
  switch (code) {
    case ErrorCode::kConflict:
    case ErrorCode::kCorrupt:
    case ErrorCode::kIo:
    case ErrorCode::kInternal:
      return true;
    default:
      return false;
  }
}

}  // namespace

CompletionMeter::CompletionMeter() : first_token(kFirstTokenBounds), between(kBetweenBounds) {}

// Sinks are called by one thread at a time, so the times need no lock.
class WatchedProvider::Sink : public ChatSink {
 public:
  Sink(const WatchedProvider& provider, std::string request_id, std::string model,
       std::shared_ptr<ChatSink> inner)
      : provider_(provider),
        request_id_(std::move(request_id)),
        model_(std::move(model)),
        inner_(std::move(inner)) {}

  void OnDelta(ChatDelta delta) override {
    if (provider_.settings_.meter != nullptr) Measure(delta.choice, *provider_.settings_.meter);
    inner_->OnDelta(std::move(delta));
  }
  void OnChoiceEnd(int choice, const ChoiceEnd& end) override { inner_->OnChoiceEnd(choice, end); }
  void OnUsage(const ChatUsage& usage) override {
    if (CompletionMeter* meter = provider_.settings_.meter) {
      meter->prompt_tokens += static_cast<uint64_t>(usage.prompt_tokens);
      meter->cached_tokens += static_cast<uint64_t>(usage.cached_tokens);
      meter->completion_tokens += static_cast<uint64_t>(usage.completion_tokens);
    }
    inner_->OnUsage(usage);
  }
  void OnEnd(const Result<ChatUsage>& usage) override {
    if (!usage) provider_.Report(request_id_, model_, usage.error());
    inner_->OnEnd(usage);
  }

 private:
  void Measure(int choice, CompletionMeter& meter) {
    const Clock::time_point now = Clock::now();
    if (last_.empty()) meter.first_token.Add(Seconds(now - begun_));
    const auto [last, first] = last_.emplace(choice, now);
    if (first) return;
    meter.between.Add(Seconds(now - last->second));
    last->second = now;
  }

  const WatchedProvider& provider_;
  const std::string request_id_;
  const std::string model_;
  const std::shared_ptr<ChatSink> inner_;
  const Clock::time_point begun_ = Clock::now();
  std::map<int, Clock::time_point> last_;  // by choice: when its last piece came
};

void WatchedProvider::Report(const std::string& request_id, const std::string& model,
                             const Error& error) const {
  if (!settings_.log || !IsForTheLog(error.code)) return;
  settings_.log((request_id.empty() ? std::string("a request") : request_id) + " for '" + model +
                "' failed (" + std::string(ErrorCodeName(error.code)) + "): " + error.message);
}

template <typename Request>
Request WatchedProvider::Watched(const Request& request) const {
  Request watched = request;
  if (!watched.queue_deadline && settings_.queue_time.count() > 0) {
    watched.queue_deadline = Clock::now() + settings_.queue_time;
  }
  return watched;
}

Result<std::shared_ptr<Completion>> WatchedProvider::Complete(const ChatRequest& request,
                                                              std::shared_ptr<ChatSink> sink) {
  auto started = inner_.Complete(
      Watched(request),
      std::make_shared<Sink>(*this, request.request_id, request.model, std::move(sink)));
  if (!started) Report(request.request_id, request.model, started.error());
  return started;
}

Result<std::shared_ptr<Completion>> WatchedProvider::CompleteText(const TextRequest& request,
                                                                  std::shared_ptr<ChatSink> sink) {
  auto started = inner_.CompleteText(
      Watched(request),
      std::make_shared<Sink>(*this, request.request_id, request.model, std::move(sink)));
  if (!started) Report(request.request_id, request.model, started.error());
  return started;
}

Result<std::shared_ptr<Completion>> WatchedProvider::Embed(
    const EmbeddingRequest& request, std::function<void(Result<Embeddings>)> done) {
  auto started = inner_.Embed(request, [this, id = request.request_id, model = request.model,
                                        done = std::move(done)](Result<Embeddings> embeddings) {
    if (!embeddings) Report(id, model, embeddings.error());
    done(std::move(embeddings));
  });
  if (!started) Report(request.request_id, request.model, started.error());
  return started;
}

void WatchedProvider::WithText(
    const std::string& model, std::function<void(Result<std::shared_ptr<const ModelText>>)> ready) {
  inner_.WithText(model, [this, model, ready = std::move(ready)](auto text) {
    if (!text) Report("", model, text.error());
    ready(std::move(text));
  });
}

}  // namespace dure::providers
