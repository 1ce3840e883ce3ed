#include "providers/local_model.h"

#include <filesystem>
#include <utility>

#include "formats/gguf.h"
#include "models/registry.h"

namespace dure::providers {

namespace {

// Longer than a single answer from the command line takes to begin.
constexpr std::chrono::milliseconds kLargePagesAfter{2000};

}  // namespace

std::string LocalModelId(const std::string& path) {
  std::filesystem::path file(path);
  if (file.filename().empty()) file = file.parent_path();  // a folder with a slash at the end
  return (file.extension() == ".gguf" ? file.stem() : file.filename()).string();
}

LocalModel::LocalModel(std::string path, ChatFormat format)
    : path_(std::move(path)),
      id_(LocalModelId(path_)),
      format_(std::make_shared<const ChatFormat>(std::move(format))) {}

Result<std::unique_ptr<LocalModel>> LocalModel::Load(const std::string& path,
                                                     const LocalModelOptions& options) {
  auto file = formats::GgufFile::Open(path);
  if (!file) return tl::unexpected(file.error());
  auto format = ChatFormat::FromGguf(**file);
  if (!format) return tl::unexpected(format.error());

  std::unique_ptr<LocalModel> local(new LocalModel(path, std::move(*format)));
  local->team_ =
      std::make_unique<ThreadTeam>(options.threads > 0 ? options.threads : AvailableCores());
  models::LoadOptions load;
  load.team = local->team_.get();
  load.on_progress = options.on_progress;
  load.context_length = options.engine.context_length;
  auto model = models::LoadModel(**file, load);
  if (!model) return tl::unexpected(model.error());
  local->weight_bytes_ = (*model)->weight_bytes();
  local->work_ = (*model)->work();
  const std::vector<MemoryRegion> weights = (*model)->weight_memory();

  engine::EngineOptions engine_options = options.engine;
  engine_options.team = local->team_.get();
  auto engine =
      engine::Engine::Create(std::move(*model), local->format_->shared_tokenizer(), engine_options);
  if (!engine) return tl::unexpected(engine.error());
  local->engine_ = std::move(*engine);
  local->large_pages_ = std::make_unique<LargePageGatherer>(
      weights, std::vector{local->engine_->cache_memory()}, kLargePagesAfter);
  return local;
}

Result<std::shared_ptr<const text::Grammar>> LocalModel::GrammarFor(const std::string& schema) {
  // Of white space a model needs little, and some would go on with it for ever.
  constexpr int kMostWhitespace = 64;
  return GrammarFor(schema, [&](std::shared_ptr<const text::TokenVocabulary> vocabulary) {
    text::JsonSchemaOptions options;
    options.max_whitespace = kMostWhitespace;
    return text::Grammar::FromJsonSchema(schema, std::move(vocabulary), options);
  });
}

Result<std::shared_ptr<const text::Grammar>> LocalModel::GrammarFor(
    const std::string& key, const std::function<Result<std::shared_ptr<const text::Grammar>>(
                                std::shared_ptr<const text::TokenVocabulary>)>& make) {
  constexpr size_t kMostGrammars = 64;
  std::shared_ptr<const text::TokenVocabulary> vocabulary;
  {
    const std::lock_guard lock(grammar_mutex_);
    for (auto known = grammars_.begin(); known != grammars_.end(); ++known) {
      if (known->first != key) continue;
      grammars_.splice(grammars_.end(), grammars_, known);
      return grammars_.back().second;
    }
    if (vocabulary_ == nullptr) {
      vocabulary_ = std::make_shared<const text::TokenVocabulary>(format_->tokenizer());
    }
    vocabulary = vocabulary_;
  }
  auto grammar = make(std::move(vocabulary));
  if (!grammar) return grammar;
  const std::lock_guard lock(grammar_mutex_);
  grammars_.emplace_back(key, *grammar);
  if (grammars_.size() > kMostGrammars) grammars_.pop_front();
  return grammar;
}

}  // namespace dure::providers
