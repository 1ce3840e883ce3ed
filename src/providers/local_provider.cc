#include "providers/local_provider.h"

#include <functional>
#include <utility>

#include "providers/answer_plan.h"
#include "providers/chat_prompt.h"
#include "providers/deferred_completion.h"
#include "providers/deferred_embedding.h"
#include "providers/local_completion.h"
#include "providers/local_model_text.h"
#include "providers/local_text.h"

namespace dure::providers {

struct LocalProvider::Impl {
  explicit Impl(LocalProviderOptions options_in)
      : options(std::move(options_in)), pool(PoolOptions(options)) {}

  static ModelPoolOptions PoolOptions(const LocalProviderOptions& options) {
    ModelPoolOptions pool;
    pool.models = options.models;
    pool.memory_budget = options.memory_budget;
    pool.unload_after = options.unload_after;
    pool.load.threads = options.threads;
    pool.load.engine = options.engine;
    pool.encoders = options.encoders;
    return pool;
  }
  Result<std::shared_ptr<Completion>> Start(const std::shared_ptr<ModelPool::Use>& use,
                                            const ChatRequest& request,
                                            std::shared_ptr<ChatSink> sink) const;

  using StartWith = std::function<Result<std::shared_ptr<Completion>>(
      const std::shared_ptr<ModelPool::Use>&, std::shared_ptr<ChatSink>)>;
  static Result<std::shared_ptr<Completion>> StartOn(const std::shared_ptr<ModelPool::Use>& use,
                                                     std::shared_ptr<ChatSink> sink,
                                                     const StartWith& start);
  /// Now, or when the model is loaded.
  Result<std::shared_ptr<Completion>> StartWhenLoaded(const std::string& model,
                                                      std::shared_ptr<ChatSink> sink,
                                                      StartWith start);

  const LocalProviderOptions options;
  ModelPool pool;
};

LocalProvider::LocalProvider(LocalProviderOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}

LocalProvider::~LocalProvider() = default;

void LocalProvider::StartLoading(std::function<void(Result<void>)> on_loaded) {
  impl_->pool.Start(std::move(on_loaded));
}

std::vector<ModelInfo> LocalProvider::models() const { return impl_->pool.infos(); }

std::vector<ModelStats> LocalProvider::stats() const {
  std::vector<ModelStats> out;
  for (const auto& use : impl_->pool.loaded()) {
    const engine::EngineStats stats = use->model().engine().stats();
    out.push_back({.id = use->model().id(),
                   .running = stats.running,
                   .queued = stats.queued,
                   .blocks_used = stats.blocks_used,
                   .blocks_total = stats.blocks_total,
                   .steps = stats.steps,
                   .tokens_generated = stats.tokens_generated,
                   .wait_ms = stats.wait_ms,
                   .queued_prompt_tokens = stats.queued_prompt_tokens,
                   .blocks_cached = stats.blocks_cached,
                   .preemptions = stats.preemptions,
                   .drafted_tokens = stats.drafted_tokens,
                   .accepted_tokens = stats.accepted_tokens,
                   .prefix_hits = stats.prefix_hits,
                   .prefix_tokens = stats.prefix_tokens});
  }
  return out;
}

Result<std::shared_ptr<Completion>> LocalProvider::Impl::Start(
    const std::shared_ptr<ModelPool::Use>& use, const ChatRequest& request,
    std::shared_ptr<ChatSink> sink) const {
  const ChatFormat& format = use->model().format();
  auto prompt = RenderChat(format, request, true, request.unix_time.value_or(options.unix_time()));
  if (!prompt) return tl::unexpected(prompt.error());

  engine::GenerateRequest generate = EngineRequest(request, options.random_seed);
  generate.prompt = format.EncodeChat(*prompt);
  auto plan = PlanAnswer(use->model(), request, prompt->text);
  if (!plan) return tl::unexpected(plan.error());
  if (plan->grammar != nullptr) generate.constraint = plan->grammar->NewConstraint();
  generate.shown_tokens = std::move(plan->shown_tokens);
  auto completion = std::make_shared<LocalCompletion>(
      use->link(), format.shared_tokenizer(), std::move(sink), request.choices, use,
      AnswerReading{std::move(plan->format), options.random_seed});
  if (auto started = completion->Start(use->model().engine(), generate); !started) {
    return tl::unexpected(started.error());
  }
  return completion;
}

Result<std::shared_ptr<Completion>> LocalProvider::Impl::StartOn(
    const std::shared_ptr<ModelPool::Use>& use, std::shared_ptr<ChatSink> sink,
    const StartWith& start) {
  if (use->encoder() != nullptr) {
    return Fail(ErrorCode::kUnsupported, "a model for embeddings writes no text");
  }
  return start(use, std::move(sink));
}

Result<std::shared_ptr<Completion>> LocalProvider::Impl::StartWhenLoaded(
    const std::string& model, std::shared_ptr<ChatSink> sink, StartWith start) {
  auto use = pool.TryGet(model);
  if (!use) return tl::unexpected(use.error());
  if (*use) return StartOn(*use, std::move(sink), start);
  auto deferred = std::make_shared<DeferredCompletion>(std::move(sink));
  pool.Get(model, [deferred, start = std::move(start)](ModelPool::UseResult loaded) {
    deferred->Begin([&](std::shared_ptr<ChatSink> waiting) -> Result<std::shared_ptr<Completion>> {
      if (!loaded) return tl::unexpected(loaded.error());
      return StartOn(*loaded, std::move(waiting), start);
    });
  });
  return deferred;
}

Result<std::shared_ptr<Completion>> LocalProvider::Complete(const ChatRequest& request,
                                                            std::shared_ptr<ChatSink> sink) {
  return impl_->StartWhenLoaded(
      request.model, std::move(sink),
      [impl = impl_.get(), request](const auto& use, std::shared_ptr<ChatSink> waiting) {
        return impl->Start(use, request, std::move(waiting));
      });
}

Result<std::shared_ptr<Completion>> LocalProvider::CompleteText(const TextRequest& request,
                                                                std::shared_ptr<ChatSink> sink) {
  return impl_->StartWhenLoaded(
      request.model, std::move(sink),
      [impl = impl_.get(), request](const auto& use, std::shared_ptr<ChatSink> waiting) {
        return StartText(use, request, impl->options.random_seed, std::move(waiting));
      });
}

Result<std::shared_ptr<Completion>> LocalProvider::Embed(
    const EmbeddingRequest& request, std::function<void(Result<Embeddings>)> done) {
  const auto start = [request](
                         const ModelPool::UseResult& use,
                         DeferredEmbedding::Done tell) -> Result<std::shared_ptr<Completion>> {
    if (!use) return tl::unexpected(use.error());
    LocalEncoder* encoder = (*use)->encoder();
    if (encoder == nullptr) {
      return Fail(ErrorCode::kUnsupported, "'" + request.model + "' is no model for embeddings");
    }
    return encoder->Embed(request, *use, std::move(tell));
  };
  const auto use = impl_->pool.TryGet(request.model);
  if (!use || *use) return start(use, std::move(done));
  auto deferred = std::make_shared<DeferredEmbedding>(std::move(done));
  impl_->pool.Get(request.model, [deferred, start](const ModelPool::UseResult& loaded) {
    deferred->Begin([&](DeferredEmbedding::Done tell) { return start(loaded, std::move(tell)); });
  });
  return deferred;
}

void LocalProvider::WithText(const std::string& model,
                             std::function<void(Result<std::shared_ptr<const ModelText>>)> ready) {
  impl_->pool.Get(model,
                  [impl = impl_.get(), ready = std::move(ready)](const ModelPool::UseResult& use) {
                    if (!use) return ready(tl::unexpected(use.error()));
                    ready(MakeModelText(**use, impl->options.unix_time()));
                  });
}

}  // namespace dure::providers
