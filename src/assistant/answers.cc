#include "assistant/answers.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

#include "store/secrets.h"

namespace dure::assistant {

namespace {

using providers::Json;

constexpr char kKind[] = "chat";
constexpr size_t kMostPathMessages = 20'000;
constexpr size_t kTitleCharacters = 48;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json Parse(const std::string& text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_object() ? json : Json::object();
}

providers::Role RoleOf(const std::string& name) {
  if (name == "assistant") return providers::Role::kAssistant;
  if (name == "system") return providers::Role::kSystem;
  if (name == "tool") return providers::Role::kTool;
  return providers::Role::kUser;
}

Json UsageJson(const providers::ChatUsage& usage) {
  return {{"prompt_tokens", usage.prompt_tokens},
          {"cached_tokens", usage.cached_tokens},
          {"completion_tokens", usage.completion_tokens}};
}

// The first words of what was asked, up to a whole one.
std::string FirstWords(const std::string& text) {
  std::string line = text.substr(0, text.find('\n'));
  if (line.size() <= kTitleCharacters) return line;
  size_t end = line.rfind(' ', kTitleCharacters);
  if (end == line.npos || end == 0) {
    end = kTitleCharacters;
    while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) --end;
  }
  return line.substr(0, end) + "…";
}

}  // namespace

struct Answers::Running {
  AnswerOrder order;
  uint64_t seed = 0;
  int64_t unix_time = 0;
  int64_t begun_ms = 0;
  std::shared_ptr<Generation> generation;
};

Result<void> ReadSampling(const Json& json, providers::CompletionOptions& options) {
  providers::Sampling& sampling = options.sampling;
  for (const auto& [name, value] : json.items()) {
    if (value.is_null()) continue;
    const double number = value.is_number() ? value.get<double>() : std::nan("");
    const bool whole = value.is_number_integer();
    const auto within = [&](double least, double most) {
      return number >= least && number <= most;
    };
    bool good = true;
    if (name == "temperature" && (good = within(0, 2))) {
      sampling.temperature = static_cast<float>(number);
    } else if (name == "top_p" && (good = within(1e-6, 1))) {
      sampling.top_p = static_cast<float>(number);
    } else if (name == "min_p" && (good = within(0, 1))) {
      sampling.min_p = static_cast<float>(number);
    } else if (name == "top_k" && (good = whole && within(0, 1'000'000))) {
      sampling.top_k = value.get<int>();
    } else if (name == "repetition_penalty" && (good = within(0.01, 10))) {
      sampling.repetition_penalty = static_cast<float>(number);
    } else if (name == "presence_penalty" && (good = within(-2, 2))) {
      sampling.presence_penalty = static_cast<float>(number);
    } else if (name == "frequency_penalty" && (good = within(-2, 2))) {
      sampling.frequency_penalty = static_cast<float>(number);
    } else if (name == "max_tokens" && (good = whole && within(1, 1'000'000))) {
      options.max_tokens = value.get<int>();
    } else if (name == "seed" && (good = whole && within(0, 9e15))) {
      sampling.seed = value.get<uint64_t>();
    } else if (good) {
      return Fail(ErrorCode::kInvalidArgument, "sampling." + name + " is not known");
    }
    if (!good) return Fail(ErrorCode::kInvalidArgument, "sampling." + name + " is out of range");
  }
  return {};
}

Answers::Answers(providers::Provider& provider, store::Store& store,
                 std::function<int64_t()> now_ms, std::function<void(const std::string&)> log)
    : provider_(provider), store_(store), now_ms_(std::move(now_ms)), log_(std::move(log)) {
  link_->answers = this;
  thread_ = std::thread([this] { Loop(); });
}

Answers::~Answers() {
  {
    const std::lock_guard lock(link_->mutex);
    link_->answers = nullptr;
  }
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Answers::Loop() {
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    try {
      job();
    } catch (const std::exception& failure) {
      log_(std::string("an answer could not be kept: ") + failure.what());
    }
  }
}

Result<void> Answers::Start(AnswerOrder order) {
  providers::CompletionOptions options;
  if (auto read = ReadSampling(order.sampling, options); !read) return read;
  auto running = std::make_shared<Running>();
  running->begun_ms = now_ms_();
  running->unix_time = running->begun_ms / 1000;
  // 53 bits: what JSON carries everywhere.
  const std::string random = store::HashToken(store::RandomLetters(32));
  for (int i = 0; i < 6; ++i) running->seed = running->seed << 8 | static_cast<uint8_t>(random[i]);
  if (options.sampling.seed) running->seed = *options.sampling.seed;
  const Json head = {{"parent_id", order.parent_id},
                     {"conversation_id", order.conversation_id},
                     {"model", order.model},
                     {"instructions", order.instructions},
                     {"sampling", order.sampling},
                     {"seed", running->seed},
                     {"unix_time", running->unix_time},
                     {"begun_ms", running->begun_ms}};
  auto created = store_.events().Create(
      {order.message_id, order.account_id, kKind, Dump(head), running->begun_ms});
  if (!created) return created;
  running->order = std::move(order);
  running->generation = MakeGeneration(running);
  return Run(running);
}

std::shared_ptr<Generation> Answers::MakeGeneration(const std::shared_ptr<Running>& running) const {
  return std::make_shared<Generation>(
      Generation::Hooks{[link = link_, id = running->order.message_id](
                            const GenerationEvent& event, const std::vector<int32_t>& tokens) {
                          const std::lock_guard lock(link->mutex);
                          if (link->answers != nullptr) link->answers->Keep(id, event, tokens);
                        },
                        [link = link_, weak = std::weak_ptr(running)](const Generation::End& end) {
                          const std::lock_guard lock(link->mutex);
                          const auto self = weak.lock();
                          if (link->answers != nullptr && self) link->answers->Ended(self, end);
                        }});
}

Result<void> Answers::Run(const std::shared_ptr<Running>& running) {
  const AnswerOrder& order = running->order;
  const std::string id = order.message_id;
  const auto generation = running->generation;
  {
    const std::lock_guard lock(mutex_);
    running_[id] = running;
  }
  const auto path = store_.conversations().Path(order.account_id, order.conversation_id,
                                                order.parent_id, "", kMostPathMessages);
  if (!path) return tl::unexpected(path.error());
  providers::ChatRequest request;
  request.model = order.model;
  (void)ReadSampling(order.sampling, request);  // read before
  request.sampling.seed = running->seed;
  request.unix_time = running->unix_time;
  request.tenant = order.account_id;
  request.continued = generation->state().tokens;
  if (!order.instructions.empty()) {
    request.messages.push_back({providers::Role::kSystem, order.instructions, "", {}, ""});
  }
  for (const store::Message& message : path->messages) {
    request.messages.push_back({RoleOf(message.role), message.content, "", {}, ""});
  }
  if (generation->state().last_event == 0) {
    generation->Begin(Dump({{"message_id", id},
                            {"conversation_id", order.conversation_id},
                            {"model", order.model},
                            {"context", nullptr},
                            {"not_sent_until", nullptr}}));
  }
  auto started = provider_.Complete(request, generation);
  if (started) {
    generation->Attach(std::move(*started));
  } else {
    generation->Reject(started.error());
  }
  return {};
}

void Answers::Keep(const std::string& id, const GenerationEvent& event,
                   const std::vector<int32_t>& tokens) {
  const Json payload = {{"type", event.type}, {"data", event.data}, {"tokens", tokens}};
  const auto kept = store_.events().Append(id, Dump(payload));
  if (!kept && kept.error().code != ErrorCode::kNotFound) {
    log_("an event was not stored: " + kept.error().message);
  }
}

std::shared_ptr<Generation> Answers::Find(const std::string& message_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = running_.find(message_id);
  return found != running_.end() ? found->second->generation : nullptr;
}

void Answers::Drop(const std::string& message_id) {
  if (const auto generation = Find(message_id)) generation->Stop();
  const auto removed = store_.events().Remove("", message_id);
  if (!removed) log_("events could not be deleted: " + removed.error().message);
}

void Answers::DropAll(const std::string& conversation_id) {
  std::vector<std::string> ids;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, running] : running_) {
      if (running->order.conversation_id == conversation_id) ids.push_back(id);
    }
  }
  for (const std::string& id : ids) Drop(id);
}

void Answers::DropAccount(const std::string& account_id) {
  std::vector<std::string> ids;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, running] : running_) {
      if (running->order.account_id == account_id) ids.push_back(id);
    }
  }
  for (const std::string& id : ids) Drop(id);
}

void Answers::Ended(const std::shared_ptr<Running>& running, const Generation::End& end) {
  {
    const std::lock_guard lock(mutex_);
    // A server that stops cancels what runs: it goes on at the next start.
    if (stopping_) return;
    jobs_.push_back([this, running, end] { Write(running, end); });
  }
  wake_.notify_one();
}

void Answers::Write(const std::shared_ptr<Running>& running, const Generation::End& end) {
  const AnswerOrder& order = running->order;
  const GenerationState state = running->generation->state();
  const int64_t now = now_ms_();
  const Json error =
      end.error ? Json{{"code", ErrorCodeName(end.error->code)}, {"message", end.error->message}}
                : Json();
  const Json about = {
      {"status", end.status},
      {"finish_reason", end.finish_reason.empty() ? Json() : Json(end.finish_reason)},
      {"error", error},
      {"usage", UsageJson(end.usage)},
      {"duration_ms", now - running->begun_ms},
      {"reasoning_ms", 0}};
  Json details = about;
  details["seed"] = running->seed;
  details["last_event"] = state.last_event + 1;
  store::Message message;
  message.id = order.message_id;
  message.content = state.text;
  message.reasoning = state.reasoning;
  message.status = end.status;
  message.model = order.model;
  message.details = Dump(details);
  const auto kept = store_.conversations().Complete(message, now);
  if (!kept && kept.error().code != ErrorCode::kNotFound) {
    log_("an answer could not be stored: " + kept.error().message);
  }
  if (kept) GiveTitle(*running);
  if (order.used) order.used(end.usage);
  // The row says it all now; without it the events are kept for the next start.
  if (kept || kept.error().code == ErrorCode::kNotFound) {
    (void)store_.events().Remove("", order.message_id);
  }
  {
    const std::lock_guard lock(mutex_);
    running_.erase(order.message_id);
  }
  running->generation->Close(Dump(about));
}

void Answers::GiveTitle(const Running& running) {
  const AnswerOrder& order = running.order;
  const auto conversation = store_.conversations().Find(order.account_id, order.conversation_id);
  if (!conversation || !*conversation || !(*conversation)->title.empty()) return;
  const auto path = store_.conversations().Path(order.account_id, order.conversation_id,
                                                order.parent_id, "", 1000);
  if (!path || path->messages.empty()) return;
  store::ConversationChange change;
  change.title = FirstWords(path->messages.front().content);
  (void)store_.conversations().Change(order.account_id, order.conversation_id, change, now_ms_());
}

Result<void> Answers::Resume() {
  const auto cut = store_.events().CutOff(kKind);
  if (!cut) return tl::unexpected(cut.error());
  for (const store::StreamInfo& stream : *cut) {
    if (auto resumed = ResumeOne(stream); !resumed) {
      log_("the answer " + stream.id + " cannot go on: " + resumed.error().message);
    }
  }
  return {};
}

Result<void> Answers::ResumeOne(const store::StreamInfo& stream) {
  const auto message = store_.conversations().FindMessage(stream.account_id, stream.id);
  if (!message) return tl::unexpected(message.error());
  if (!*message || (*message)->status != "running") {
    const auto removed = store_.events().Remove("", stream.id);
    return removed ? Result<void>() : tl::unexpected(removed.error());
  }
  const auto info = store_.events().Find(stream.account_id, stream.id);
  if (!info) return tl::unexpected(info.error());
  if (auto opened = store_.events().Reopen(stream.id); !opened) return opened;
  const Json head = Parse((*info)->head);
  auto running = std::make_shared<Running>();
  AnswerOrder& order = running->order;
  order.account_id = stream.account_id;
  order.message_id = stream.id;
  order.conversation_id = head.value("conversation_id", "");
  order.parent_id = head.value("parent_id", "");
  order.model = head.value("model", "");
  order.instructions = head.value("instructions", "");
  order.sampling = head.value("sampling", Json::object());
  running->seed = head.value("seed", uint64_t{0});
  running->unix_time = head.value("unix_time", int64_t{0});
  running->begun_ms = head.value("begun_ms", int64_t{0});
  std::vector<GenerationEvent> events;
  GenerationState state;
  for (bool more = true; more;) {
    const auto batch =
        store_.events().Read(stream.account_id, stream.id, state.last_event, 1 << 20);
    if (!batch) return tl::unexpected(batch.error());
    more = !batch->events.empty();
    for (const store::StreamEvent& stored : batch->events) {
      const Json payload = Parse(stored.payload);
      const std::string type = payload.value("type", "");
      const std::string data = payload.value("data", "{}");
      const std::string text = Parse(data).value("text", "");
      if (type == "text") state.text += text;
      if (type == "reasoning") state.reasoning += text;
      const auto tokens = payload.value("tokens", std::vector<int32_t>());
      state.tokens.insert(state.tokens.end(), tokens.begin(), tokens.end());
      state.last_event = stored.id;
      events.push_back({stored.id, type, data});
    }
  }
  running->generation = MakeGeneration(running);
  running->generation->Restore(std::move(events), std::move(state));
  return Run(running);
}

}  // namespace dure::assistant
