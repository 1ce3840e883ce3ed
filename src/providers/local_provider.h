// Models that run in this process.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/engine.h"
#include "providers/provider.h"

namespace dure::providers {

struct LocalProviderOptions {
  std::vector<std::string> model_paths;  // GGUF files; the first is the default model
  int threads = 0;                       // for each model's engine; 0: AvailableCores()
  engine::EngineOptions engine;
  std::function<uint64_t()> random_seed;  // for requests without a seed; required
  std::function<int64_t()> unix_time;     // for templates that print the date; required
};

/// Loads its models one after the other on a thread of its own; until a model is there its requests
/// get kUnavailable.
class LocalProvider : public Provider {
 public:
  explicit LocalProvider(LocalProviderOptions options);
  /// Waits for a load in progress, cancels what runs (every sink gets its OnEnd).
  ~LocalProvider() override;

  /// Called once. on_loaded is called from the loading thread, once: when all models are ready or
  /// the first of them failed.
  void StartLoading(std::function<void(Result<void>)> on_loaded);

  std::vector<ModelInfo> models() const override;
  std::vector<ModelStats> stats() const override;
  Result<std::shared_ptr<Completion>> Complete(const ChatRequest& request,
                                               std::shared_ptr<ChatSink> sink) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dure::providers
