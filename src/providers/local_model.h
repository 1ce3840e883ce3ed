// A model file made ready on this machine: threads, weights, tokenizer, chat template and the
// engine that runs them.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/large_pages.h"
#include "base/thread_team.h"
#include "engine/engine.h"
#include "models/model.h"
#include "providers/chat_format.h"
#include "text/grammar/constraint.h"

namespace dure::providers {

struct LocalModelOptions {
  int threads = 0;  // 0: AvailableCores()
  engine::EngineOptions engine;
  std::function<void(const models::LoadProgress&)> on_progress;  // called from the loading thread
};

/// Members may be used from any thread. Destroying it cancels what runs and joins the engine's
/// thread.
class LocalModel {
 public:
  /// Errors: those of GgufFile::Open, Tokenizer::FromGguf, models::LoadModel and Engine::Create.
  static Result<std::unique_ptr<LocalModel>> Load(const std::string& path,
                                                  const LocalModelOptions& options);

  /// The name API users see: the file's name without folder and ".gguf". (general.name is often
  /// absent, or the same for every quantisation of a model.)
  const std::string& id() const { return id_; }
  const std::string& path() const { return path_; }
  int threads() const { return team_->size(); }

  const ChatFormat& format() const { return *format_; }
  const std::shared_ptr<const ChatFormat>& shared_format() const { return format_; }
  const text::Tokenizer& tokenizer() const { return format_->tokenizer(); }
  const models::ModelConfig& config() const { return engine_->config(); }
  /// Bytes of re-laid weights in memory.
  uint64_t weight_bytes() const { return weight_bytes_; }
  const models::ModelWork& work() const { return work_; }
  engine::Engine& engine() { return *engine_; }
  /// Returns when the weights stand in large pages, as they do some seconds after loading when the
  /// machine is idle: for measurements.
  void WaitForLargePages() { large_pages_->Finish(); }
  /// The schema compiled for this model's tokens; the last few are kept. Errors: those of
  /// text::Grammar::FromJsonSchema.
  Result<std::shared_ptr<const text::Grammar>> GrammarFor(const std::string& schema);
  /// The grammar known by `key` (not a schema), else what `make` makes of this model's vocabulary.
  Result<std::shared_ptr<const text::Grammar>> GrammarFor(
      const std::string& key, const std::function<Result<std::shared_ptr<const text::Grammar>>(
                                  std::shared_ptr<const text::TokenVocabulary>)>& make);

 private:
  LocalModel(std::string path, ChatFormat format);

  std::string path_;
  std::string id_;
  std::shared_ptr<const ChatFormat> format_;
  uint64_t weight_bytes_ = 0;
  models::ModelWork work_;
  std::unique_ptr<ThreadTeam> team_;  // outlives the engine, whose model computes on it
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<LargePageGatherer> large_pages_;
  std::mutex grammar_mutex_;
  std::shared_ptr<const text::TokenVocabulary> vocabulary_;  // guarded by grammar_mutex_
  // By schema or key, the latest used last. Guarded by grammar_mutex_.
  std::list<std::pair<std::string, std::shared_ptr<const text::Grammar>>> grammars_;
};

/// The id a file at this path gets.
std::string LocalModelId(const std::string& path);

}  // namespace dure::providers
