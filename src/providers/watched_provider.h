// What the operator wants of every completion, whoever does it: a limit on its wait, numbers, and a
// line in the log when it fails.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "providers/provider.h"

namespace dure::providers {

/// What completions took, since the start. Seconds and tokens.
struct CompletionMeter {
  CompletionMeter();

  Histogram first_token;  // from the request to the first piece of its answer
  Histogram between;      // from one piece of a choice to its next
  std::atomic<uint64_t> prompt_tokens = 0;
  std::atomic<uint64_t> cached_tokens = 0;  // of those
  std::atomic<uint64_t> completion_tokens = 0;
};

struct WatchSettings {
  std::chrono::milliseconds queue_time{0};      // of requests that name no deadline; 0: any
  std::function<void(const std::string&)> log;  // one line, from any thread; may be empty
  CompletionMeter* meter = nullptr;             // outlives the provider; may be null
};

/// Passes everything on to another provider, which outlives it. Logged are the errors that are
/// nobody's request's fault: kConflict, kCorrupt, kIo, kInternal.
class WatchedProvider : public Provider {
 public:
  WatchedProvider(Provider& inner, WatchSettings settings)
      : inner_(inner), settings_(std::move(settings)) {}

  std::vector<ModelInfo> models() const override { return inner_.models(); }
  std::vector<ModelStats> stats() const override { return inner_.stats(); }
  Result<std::shared_ptr<Completion>> Complete(const ChatRequest& request,
                                               std::shared_ptr<ChatSink> sink) override;
  Result<std::shared_ptr<Completion>> CompleteText(const TextRequest& request,
                                                   std::shared_ptr<ChatSink> sink) override;
  Result<std::shared_ptr<Completion>> Embed(const EmbeddingRequest& request,
                                            std::function<void(Result<Embeddings>)> done) override;
  void WithText(const std::string& model,
                std::function<void(Result<std::shared_ptr<const ModelText>>)> ready) override;

 private:
  class Sink;

  /// Logs what is to be logged.
  void Report(const std::string& request_id, const std::string& model, const Error& error) const;
  template <typename Request>
  Request Watched(const Request& request) const;

  Provider& inner_;
  const WatchSettings settings_;
};

}  // namespace dure::providers
