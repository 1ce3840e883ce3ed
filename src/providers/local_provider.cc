#include "providers/local_provider.h"

#include <sys/stat.h>

#include <mutex>
#include <thread>
#include <utility>

#include "providers/chat_format.h"
#include "providers/local_completion.h"
#include "providers/local_model.h"

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

// When the file was last written stands for when the model was made.
int64_t FileTime(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<int64_t>(status.st_mtime) : 0;
}

struct Entry {
  std::string path;
  ModelInfo info;                     // guarded by Impl::mutex
  std::shared_ptr<LocalModel> model;  // guarded by Impl::mutex; set once
  std::shared_ptr<EngineLink> link;
};

}  // namespace

struct LocalProvider::Impl {
  void LoadAll();
  Result<void> Load(Entry& entry);
  Result<Entry> FindReady(const std::string& id) const;

  LocalProviderOptions options;
  std::function<void(Result<void>)> on_loaded;
  mutable std::mutex mutex;
  std::vector<Entry> entries;  // the vector itself does not change after construction
  std::thread loader;
};

Result<void> LocalProvider::Impl::Load(Entry& entry) {
  LocalModelOptions load;
  load.threads = options.threads;
  load.engine = options.engine;
  load.on_progress = [this, &entry](const models::LoadProgress& progress) {
    const std::lock_guard lock(mutex);
    entry.info.bytes_loaded = progress.bytes_done;
    entry.info.bytes_total = progress.bytes_total;
  };
  auto loaded = LocalModel::Load(entry.path, load);
  const std::lock_guard lock(mutex);
  if (!loaded) {
    entry.info.state = ModelState::kFailed;
    entry.info.error = loaded.error().message;
    return tl::unexpected(loaded.error());
  }
  entry.model = std::move(*loaded);
  entry.link = std::make_shared<EngineLink>(&entry.model->engine());
  entry.info.context_length = entry.model->engine().context_length();
  entry.info.state = ModelState::kReady;
  return {};
}

void LocalProvider::Impl::LoadAll() {
  for (Entry& entry : entries) {
    if (auto loaded = Load(entry); !loaded) return on_loaded(loaded);
  }
  on_loaded({});
}

LocalProvider::LocalProvider(LocalProviderOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
  for (const std::string& path : impl_->options.model_paths) {
    Entry entry;
    entry.path = path;
    entry.info.id = LocalModelId(path);
    entry.info.created = FileTime(path);
    entry.info.state = ModelState::kLoading;
    impl_->entries.push_back(std::move(entry));
  }
}

void LocalProvider::StartLoading(std::function<void(Result<void>)> on_loaded) {
  impl_->on_loaded = std::move(on_loaded);
  impl_->loader = std::thread([impl = impl_.get()] { impl->LoadAll(); });
}

LocalProvider::~LocalProvider() {
  if (impl_->loader.joinable()) impl_->loader.join();
  for (Entry& entry : impl_->entries) {
    if (entry.link) entry.link->Cut();
  }
}

std::vector<ModelInfo> LocalProvider::models() const {
  std::vector<ModelInfo> infos;
  const std::lock_guard lock(impl_->mutex);
  for (const Entry& entry : impl_->entries) infos.push_back(entry.info);
  return infos;
}

std::vector<ModelStats> LocalProvider::stats() const {
  std::vector<std::shared_ptr<LocalModel>> models;
  {
    const std::lock_guard lock(impl_->mutex);
    for (const Entry& entry : impl_->entries) {
      if (entry.model) models.push_back(entry.model);
    }
  }
  std::vector<ModelStats> out;
  for (const auto& model : models) {
    const engine::EngineStats stats = model->engine().stats();
    out.push_back({model->id(), stats.running, stats.queued, stats.blocks_used, stats.blocks_total,
                   stats.steps, stats.tokens_generated});
  }
  return out;
}

Result<Entry> LocalProvider::Impl::FindReady(const std::string& id) const {
  const std::lock_guard lock(mutex);
  for (const Entry& entry : entries) {
    if (entry.info.id != id) continue;
    if (entry.model) return entry;
    return Fail(ErrorCode::kUnavailable,
                entry.info.state == ModelState::kLoading
                    ? "the model '" + id + "' is still loading"
                    : "the model '" + id + "' could not be loaded: " + entry.info.error);
  }
  return Fail(ErrorCode::kNotFound, "there is no model '" + id + "' here");
}

Result<std::shared_ptr<Completion>> LocalProvider::Complete(const ChatRequest& request,
                                                            std::shared_ptr<ChatSink> sink) {
  const auto entry = impl_->FindReady(request.model);
  if (!entry) return tl::unexpected(entry.error());
  ChatInput chat;
  for (const ChatMessage& message : request.messages) {
    chat.messages.push_back(TemplateMessage(message));
  }
  chat.template_arguments = request.template_arguments;
  chat.unix_time = impl_->options.unix_time();
  const ChatFormat& format = entry->model->format();
  auto prompt = format.Render(chat);
  if (!prompt) return tl::unexpected(TemplateError(prompt.error()));

  engine::GenerateRequest generate;
  generate.prompt = format.EncodeChat(*prompt);
  generate.sampling =
      EngineSampling(request.sampling,
                     request.sampling.seed ? *request.sampling.seed : impl_->options.random_seed());
  generate.max_tokens = request.max_tokens;
  generate.stop = request.stop;
  generate.top_logprobs = request.top_logprobs;
  generate.tenant = request.tenant;
  if (request.json_schema) {
    const auto grammar = entry->model->GrammarFor(*request.json_schema);
    if (!grammar) {
      return Fail(ErrorCode::kInvalidArgument, "response_format: " + grammar.error().message);
    }
    generate.constraint = (*grammar)->NewConstraint();
  }
  auto completion = std::make_shared<LocalCompletion>(entry->link, format.shared_tokenizer(),
                                                      std::move(sink), request.choices);
  if (auto started = completion->Start(entry->model->engine(), generate); !started) {
    return tl::unexpected(started.error());
  }
  return completion;
}

}  // namespace dure::providers
