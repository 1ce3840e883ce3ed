// Models that run in this process.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/engine.h"
#include "providers/model_pool.h"
#include "providers/provider.h"

namespace dure::providers {

struct LocalProviderOptions {
  std::vector<PooledModel> models;  // the first is the default model
  uint64_t memory_budget = 0;       // ModelPoolOptions
  std::chrono::milliseconds unload_after{0};
  int threads = 0;  // for each model's engine; 0: AvailableCores()
  engine::EngineOptions engine;
  EncoderLimits encoders;
  std::function<uint64_t()> random_seed;  // for requests without a seed; required
  std::function<int64_t()> unix_time;     // for templates that print the date; required
};

/// Completes chats with the models of a ModelPool; a request for one that is not in memory waits
/// for it.
class LocalProvider : public Provider {
 public:
  explicit LocalProvider(LocalProviderOptions options);
  /// Waits for a load in progress, cancels what runs (every sink gets its OnEnd).
  ~LocalProvider() override;

  /// Called once. on_loaded is called from the loading thread, once: when all models that are to be
  /// preloaded are ready or one of them failed.
  void StartLoading(std::function<void(Result<void>)> on_loaded);

  std::vector<ModelInfo> models() const override;
  std::vector<ModelStats> stats() const override;
  Result<std::shared_ptr<Completion>> Complete(const ChatRequest& request,
                                               std::shared_ptr<ChatSink> sink) override;
  Result<std::shared_ptr<Completion>> CompleteText(const TextRequest& request,
                                                   std::shared_ptr<ChatSink> sink) override;
  Result<std::shared_ptr<Completion>> Embed(const EmbeddingRequest& request,
                                            std::function<void(Result<Embeddings>)> done) override;
  void WithText(const std::string& model,
                std::function<void(Result<std::shared_ptr<const ModelText>>)> ready) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dure::providers
