#include "providers/watched_provider.h"

#include <utility>

namespace dure::providers {

namespace {

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

class WatchedProvider::Sink : public ChatSink {
 public:
  Sink(const WatchedProvider& provider, std::string request_id, std::string model,
       std::shared_ptr<ChatSink> inner)
      : provider_(provider),
        request_id_(std::move(request_id)),
        model_(std::move(model)),
        inner_(std::move(inner)) {}

  void OnDelta(ChatDelta delta) override { inner_->OnDelta(std::move(delta)); }
  void OnChoiceEnd(int choice, const ChoiceEnd& end) override { inner_->OnChoiceEnd(choice, end); }
  void OnUsage(const ChatUsage& usage) override { inner_->OnUsage(usage); }
  void OnEnd(const Result<ChatUsage>& usage) override {
    if (!usage) provider_.Report(request_id_, model_, usage.error());
    inner_->OnEnd(usage);
  }

 private:
  const WatchedProvider& provider_;
  const std::string request_id_;
  const std::string model_;
  const std::shared_ptr<ChatSink> inner_;
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
    watched.queue_deadline = std::chrono::steady_clock::now() + settings_.queue_time;
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
