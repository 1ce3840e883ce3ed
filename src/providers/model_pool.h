// The model files of this machine: loaded when somebody needs them, unloaded when room is needed or
// nobody has needed them for a while.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "providers/local_completion.h"
#include "providers/local_encoder.h"
#include "providers/local_model.h"
#include "providers/provider.h"

namespace dure::providers {

struct PooledModel {
  std::string path;     // a GGUF file, or an embedding model's folder; its id is LocalModelId(path)
  bool preload = true;  // at the start, as far as the budget allows; the first in any case
  bool unload_when_idle = true;
  ModelKind kind = ModelKind::kText;  // ModelKindOf(path)
};

struct ModelPoolOptions {
  std::vector<PooledModel> models;
  LocalModelOptions load;  // on_progress is the pool's own
  EncoderLimits encoders;
  uint64_t memory_budget = 0;                 // bytes, weights and KV caches together; 0: no limit
  std::chrono::milliseconds unload_after{0};  // of no use; 0: never
};

/// Thread-safe. Models are loaded one after the other on the pool's own thread, each once however
/// many wait for it.
class ModelPool {
 public:
  /// A loaded model in use: it stays loaded until this is let go of, which may happen in a sink.
  class Use {
   public:
    /// One of model and encoder is not null.
    Use(LocalModel* model, std::shared_ptr<EngineLink> link, LocalEncoder* encoder,
        std::function<void()> release)
        : model_(model), link_(std::move(link)), encoder_(encoder), release_(std::move(release)) {}
    ~Use() { release_(); }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

    /// REQUIRES: it is no model for embeddings.
    LocalModel& model() const { return *model_; }
    const std::shared_ptr<EngineLink>& link() const { return link_; }
    /// nullptr: it is none for embeddings.
    LocalEncoder* encoder() const { return encoder_; }

   private:
    LocalModel* model_;
    std::shared_ptr<EngineLink> link_;
    LocalEncoder* encoder_;
    std::function<void()> release_;
  };
  using UseResult = Result<std::shared_ptr<Use>>;

  explicit ModelPool(ModelPoolOptions options);
  /// Waits for a load in progress; whoever waits for a model gets kUnavailable, and what runs is
  /// cancelled (every sink gets its end).
  ~ModelPool();

  /// Called once. on_loaded comes from the pool's thread: when all that is to be preloaded is
  /// there, or one of it failed.
  void Start(std::function<void(Result<void>)> on_loaded);

  /// The model if it is loaded; nullptr: Get would have to load it. Errors: kNotFound, and those of
  /// a load that failed at the start: kCorrupt, whatever the reason, or kResourceExhausted. Their
  /// messages name files without their folders.
  UseResult TryGet(const std::string& id);
  /// The same once it is loaded. `ready` is called once, from here or from the pool's thread. More
  /// errors: kCorrupt (it could not be loaded), kResourceExhausted (likewise, or larger than the
  /// budget), kUnavailable (the pool ends).
  void Get(const std::string& id, std::function<void(UseResult)> ready);

  /// In the order given.
  std::vector<ModelInfo> infos() const;
  /// Those in memory that write text.
  std::vector<std::shared_ptr<Use>> loaded();
  /// Bytes of the models in memory.
  uint64_t memory_used() const;
  /// Models loaded so far, each time counted.
  uint64_t loads() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dure::providers
