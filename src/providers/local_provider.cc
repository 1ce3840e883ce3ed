#include "providers/local_provider.h"

#include <functional>
#include <mutex>
#include <utility>

#include "providers/chat_format.h"
#include "providers/local_completion.h"

namespace dure::providers {

namespace {

std::string_view RoleName(Role role) {
  switch (role) {
    case Role::kSystem:
    case Role::kDeveloper:  // OpenAI's newer name for it; open models' templates know only this one
      return "system";
    case Role::kUser:
      return "user";
    case Role::kAssistant:
      return "assistant";
    case Role::kTool:
      return "tool";
  }
  return "user";
}

// Templates print arguments with tojson: they want the value, not its text.
Json ParsedArguments(const std::string& arguments) {
  Json parsed = Json::parse(arguments, nullptr, /*allow_exceptions=*/false);
  return parsed.is_object() ? parsed : Json(arguments);
}

Json TemplateMessage(const ChatMessage& message) {
  Json out = {{"role", RoleName(message.role)}, {"content", message.content}};
  if (!message.name.empty()) out["name"] = message.name;
  if (!message.tool_call_id.empty()) out["tool_call_id"] = message.tool_call_id;
  for (const ToolCall& call : message.tool_calls) {
    out["tool_calls"].push_back(
        {{"id", call.id},
         {"type", "function"},
         {"function", {{"name", call.name}, {"arguments", ParsedArguments(call.arguments)}}}});
  }
  return out;
}

// Whatever a template complains about is the chat it was given, not one parameter.
Error TemplateError(const Error& error) {
  if (error.code != ErrorCode::kInvalidArgument) return error;
  return {ErrorCode::kUnsupported, "the model's chat template refuses this chat: " + error.message};
}

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

/// A completion whose model is still being loaded, and later the one that runs.
class DeferredCompletion : public Completion {
 public:
  explicit DeferredCompletion(std::shared_ptr<ChatSink> sink) : sink_(std::move(sink)) {}

  void Cancel() override {
    std::shared_ptr<Completion> running;
    std::shared_ptr<ChatSink> waiting;
    {
      const std::lock_guard lock(mutex_);
      cancelled_ = true;
      running = running_;
      waiting = std::exchange(sink_, nullptr);
    }
    if (running) running->Cancel();
    if (waiting) End(*waiting, {ErrorCode::kCancelled, "the request was cancelled"});
  }

  /// The model is there, or is not: `start` starts the completion with the sink.
  void Begin(
      const std::function<Result<std::shared_ptr<Completion>>(std::shared_ptr<ChatSink>)>& start) {
    std::shared_ptr<ChatSink> sink;
    {
      const std::lock_guard lock(mutex_);
      sink = std::exchange(sink_, nullptr);
    }
    if (sink == nullptr) return;  // cancelled
    auto started = start(sink);
    if (!started) return End(*sink, started.error());
    const std::lock_guard lock(mutex_);
    running_ = *std::move(started);
    if (cancelled_) running_->Cancel();
  }

 private:
  static void End(ChatSink& sink, const Error& error) {
    sink.OnUsage({});
    sink.OnEnd(tl::unexpected(error));
  }

  std::mutex mutex_;
  std::shared_ptr<ChatSink> sink_;  // until it is given away or ended
  std::shared_ptr<Completion> running_;
  bool cancelled_ = false;
};

}  // namespace

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
    return pool;
  }
  Result<std::shared_ptr<Completion>> Start(const std::shared_ptr<ModelPool::Use>& use,
                                            const ChatRequest& request,
                                            std::shared_ptr<ChatSink> sink) const;

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
    out.push_back({use->model().id(), stats.running, stats.queued, stats.blocks_used,
                   stats.blocks_total, stats.steps, stats.tokens_generated});
  }
  return out;
}

Result<std::shared_ptr<Completion>> LocalProvider::Impl::Start(
    const std::shared_ptr<ModelPool::Use>& use, const ChatRequest& request,
    std::shared_ptr<ChatSink> sink) const {
  ChatInput chat;
  for (const ChatMessage& message : request.messages) {
    chat.messages.push_back(TemplateMessage(message));
  }
  chat.template_arguments = request.template_arguments;
  chat.unix_time = options.unix_time();
  const ChatFormat& format = use->model().format();
  auto prompt = format.Render(chat);
  if (!prompt) return tl::unexpected(TemplateError(prompt.error()));

  engine::GenerateRequest generate;
  generate.prompt = format.EncodeChat(*prompt);
  generate.sampling = EngineSampling(
      request.sampling, request.sampling.seed ? *request.sampling.seed : options.random_seed());
  generate.max_tokens = request.max_tokens;
  generate.stop = request.stop;
  generate.top_logprobs = request.top_logprobs;
  generate.tenant = request.tenant;
  generate.queue_deadline = request.queue_deadline;
  if (request.json_schema) {
    const auto grammar = use->model().GrammarFor(*request.json_schema);
    if (!grammar) {
      return Fail(ErrorCode::kInvalidArgument, "response_format: " + grammar.error().message);
    }
    generate.constraint = (*grammar)->NewConstraint();
  }
  auto completion = std::make_shared<LocalCompletion>(use->link(), format.shared_tokenizer(),
                                                      std::move(sink), request.choices, use);
  if (auto started = completion->Start(use->model().engine(), generate); !started) {
    return tl::unexpected(started.error());
  }
  return completion;
}

Result<std::shared_ptr<Completion>> LocalProvider::Complete(const ChatRequest& request,
                                                            std::shared_ptr<ChatSink> sink) {
  auto use = impl_->pool.TryGet(request.model);
  if (!use) return tl::unexpected(use.error());
  if (*use) return impl_->Start(*use, request, std::move(sink));
  auto deferred = std::make_shared<DeferredCompletion>(std::move(sink));
  impl_->pool.Get(request.model, [impl = impl_.get(), deferred,
                                  request](ModelPool::UseResult loaded) {
    deferred->Begin([&](std::shared_ptr<ChatSink> waiting) -> Result<std::shared_ptr<Completion>> {
      if (!loaded) return tl::unexpected(loaded.error());
      return impl->Start(*loaded, request, std::move(waiting));
    });
  });
  return deferred;
}

}  // namespace dure::providers
