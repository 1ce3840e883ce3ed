// Conversations and their messages for the web app (docs/web-api.md).
#include <algorithm>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "api/app/answer_events.h"
#include "api/app/app_routes.h"
#include "api/app/conversations_json.h"
#include "api/json_object.h"
#include "api/service.h"
#include "net/sse.h"
#include "store/secrets.h"

namespace dure::api {

namespace {

using net::RunOn;
using store::Conversation;
using store::Message;

constexpr int64_t kMostIds = 1000;
constexpr size_t kMostTitleBytes = 1024;
constexpr size_t kMostInstructionBytes = 64 << 10;
constexpr JsonLimits kMessageLimits = {.max_bytes = store::kMostMessageBytes * 2,
                                       .max_depth = 8,
                                       .max_string_bytes = store::kMostMessageBytes,
                                       .max_number_bytes = 32,
                                       .max_members = 64,
                                       .max_values = 4096};

store::Conversations& All(const Service& service) { return service.gate->store().conversations(); }

std::string Query(const Call& call, std::string_view name) {
  for (const auto& [key, value] : call.request.query) {
    if (key == name) return value;
  }
  return "";
}

int64_t Number(const std::string& text, int64_t otherwise, int64_t least, int64_t most) {
  int64_t value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return std::clamp(value, least, most);
}

ApiError FromStore(const Error& error) {
  switch (error.code) {
    case ErrorCode::kNotFound:
      return {"not_found", error.message, ""};
    case ErrorCode::kConflict:
      return {"conflict", "this exists already, or the answer above is still running", ""};
    case ErrorCode::kInvalidArgument:
      return {"invalid_value", error.message, ""};
    default:
      return FromStoreError(error);
  }
}

// "conv_" and 16 letters or digits.
bool IsId(const std::string& id, std::string_view kind) {
  constexpr size_t kLetters = 16;
  if (!id.starts_with(kind) || id.size() != kind.size() + kLetters) return false;
  return std::all_of(id.begin() + static_cast<long>(kind.size()), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

Json ParseOr(const std::string& body, ApiError& error) {
  auto json = ParseJson(body.empty() ? "{}" : body, kMessageLimits);
  if (!json || !json->is_object()) {
    error = {"invalid_json", json ? "the body must be a JSON object" : json.error().message, ""};
    return Json::object();
  }
  return std::move(*json);
}

std::optional<std::string> ReadId(JsonObject& body, const char* kind) {
  auto id = body.String("id");
  if (id && !IsId(*id, kind)) {
    body.Fail(
        {"invalid_value", std::string("'id' must be ") + kind + " and 16 letters or digits", "id"});
  }
  return id;
}

std::optional<std::string> ReadText(JsonObject& body, const char* name, size_t most) {
  auto text = body.String(name);
  if (text && text->size() > most) {
    body.Fail({"invalid_value", std::string("'") + name + "' is too long", name});
  }
  return text;
}

std::optional<Json> ReadSamplingMember(JsonObject& body) {
  auto sampling = body.Object("sampling");
  providers::CompletionOptions options;
  if (!sampling) return sampling;
  if (auto read = assistant::ReadSampling(*sampling, options); !read) {
    body.Fail({"invalid_value", read.error().message, "sampling"});
  }
  return sampling;
}

void SendConversation(const Service& service, const Call& call, const Conversation& conversation,
                      int status = 200) {
  net::Response response = JsonResponse(ConversationJson(conversation, *service.chat_answers));
  response.status = status;
  call.Send(std::move(response));
}

std::optional<Message> RequireMessage(const Service& service, const Call& call) {
  auto found = All(service).FindMessage(call.caller.account_id, call.request.Parameter("id"));
  if (!found) {
    call.Send(FromStore(found.error()));
  } else if (!*found) {
    call.Send(ApiError{"not_found", "there is no such message", ""});
  } else {
    return std::move(**found);
  }
  return std::nullopt;
}

std::optional<Conversation> RequireConversation(const Service& service, const Call& call,
                                                std::string_view id) {
  auto found = All(service).Find(call.caller.account_id, id);
  if (!found) {
    call.Send(FromStore(found.error()));
  } else if (!*found) {
    call.Send(ApiError{"not_found", "there is no such conversation", ""});
  } else {
    return std::move(**found);
  }
  return std::nullopt;
}

void List(const Service& service, const Call& call) {
  store::ConversationFilter filter;
  filter.archived = Query(call, "archived") == "true";
  if (const std::string pinned = Query(call, "pinned"); !pinned.empty()) {
    filter.pinned = pinned == "true";
  }
  filter.most = static_cast<int>(Number(Query(call, "limit"), 50, 1, 200));
  if (const std::string after = Query(call, "after"); !after.empty()) {
    const size_t dot = std::min(after.find('.'), after.size());
    filter.before_ms = Number(after.substr(0, dot), INT64_MAX, 0, INT64_MAX);
    filter.before_id = after.substr(std::min(dot + 1, after.size()));
  }
  const auto found = All(service).List(call.caller.account_id, filter);
  if (!found) return call.Send(FromStore(found.error()));
  Json data = Json::array();
  for (const Conversation& one : *found) {
    data.push_back(ConversationJson(one, *service.chat_answers));
  }
  Json next;
  if (static_cast<int>(found->size()) == filter.most) {
    next = std::to_string(found->back().updated_ms) + "." + found->back().id;
  }
  call.Send(JsonResponse({{"data", std::move(data)}, {"next", std::move(next)}}));
}

void Create(const Service& service, const Call& call) {
  JsonObject body(call.request.body);
  Conversation wanted;
  wanted.id = ReadId(body, "conv_").value_or(store::NewId("conv"));
  wanted.account_id = call.caller.account_id;
  wanted.title = ReadText(body, "title", kMostTitleBytes).value_or("");
  wanted.model = body.String("model").value_or("");
  wanted.instructions = ReadText(body, "instructions", kMostInstructionBytes).value_or("");
  wanted.sampling = DumpJson(ReadSamplingMember(body).value_or(Json::object()));
  wanted.created_ms = wanted.updated_ms = service.gate->now_ms();
  if (auto read = body.Finish(); !read) return call.Send(read.error());
  const auto there = All(service).Find(call.caller.account_id, wanted.id);
  if (there && *there) return SendConversation(service, call, **there);
  const auto made = All(service).Create(wanted);
  if (!made) return call.Send(FromStore(made.error()));
  SendConversation(service, call, *made, 201);
}

void Get(const Service& service, const Call& call) {
  const auto found = RequireConversation(service, call, call.request.Parameter("id"));
  if (found) SendConversation(service, call, *found);
}

void Change(const Service& service, const Call& call) {
  JsonObject body(call.request.body);
  store::ConversationChange change;
  change.title = ReadText(body, "title", kMostTitleBytes);
  change.model = body.String("model");
  change.instructions = ReadText(body, "instructions", kMostInstructionBytes);
  if (const auto sampling = ReadSamplingMember(body)) change.sampling = DumpJson(*sampling);
  change.pinned = body.Bool("pinned");
  change.archived = body.Bool("archived");
  change.active_leaf = body.String("active_leaf");
  if (auto read = body.Finish(); !read) return call.Send(read.error());
  const auto changed = All(service).Change(call.caller.account_id, call.request.Parameter("id"),
                                           change, service.gate->now_ms());
  if (!changed) return call.Send(FromStore(changed.error()));
  SendConversation(service, call, *changed);
}

// Their running answers end first, so that nothing is written after the deletion.
Result<int64_t> RemoveAll(const Service& service, const std::string& account,
                          const std::vector<std::string>& ids) {
  for (const std::string& id : ids) {
    const auto found = All(service).Find(account, id);
    if (found && *found) service.chat_answers->DropAll(id);
  }
  if (ids.empty()) service.chat_answers->DropAccount(account);
  return All(service).Remove(account, ids);
}

void Delete(const Service& service, const Call& call) {
  const std::string id(call.request.Parameter("id"));
  const auto removed = RemoveAll(service, call.caller.account_id, {id});
  if (!removed) return call.Send(FromStore(removed.error()));
  if (*removed == 0) return call.Send(ApiError{"not_found", "there is no such conversation", ""});
  call.Send({204, {}, ""});
}

void DeleteAll(const Service& service, const Call& call) {
  const auto removed = RemoveAll(service, call.caller.account_id, {});
  if (!removed) return call.Send(FromStore(removed.error()));
  call.Send(JsonResponse({{"changed", *removed}}));
}

void Batch(const Service& service, const Call& call) {
  JsonObject body(call.request.body);
  const auto ids = body.Strings("ids", kMostIds).value_or(std::vector<std::string>());
  const std::string action = body.RequiredString("action");
  if (auto read = body.Finish(); !read) return call.Send(read.error());
  int64_t changed = 0;
  store::ConversationChange change;
  if (action == "pin" || action == "unpin") {
    change.pinned = action == "pin";
  } else if (action == "archive" || action == "unarchive") {
    change.archived = action == "archive";
  } else if (action != "delete") {
    return call.Send(ApiError{"invalid_value", "'action' is not known", "action"});
  }
  if (action == "delete" && !ids.empty()) {
    const auto removed = RemoveAll(service, call.caller.account_id, ids);
    if (!removed) return call.Send(FromStore(removed.error()));
    changed = *removed;
  }
  for (const std::string& id : ids) {
    if (action == "delete") break;
    const auto done =
        All(service).Change(call.caller.account_id, id, change, service.gate->now_ms());
    if (done) ++changed;
    if (!done && done.error().code != ErrorCode::kNotFound) {
      return call.Send(FromStore(done.error()));
    }
  }
  call.Send(JsonResponse({{"changed", changed}}));
}

void Path(const Service& service, const Call& call) {
  const int most = static_cast<int>(Number(Query(call, "limit"), 200, 1, 20'000));
  const auto path = All(service).Path(call.caller.account_id, call.request.Parameter("id"),
                                      Query(call, "leaf"), Query(call, "before"), most);
  if (!path) return call.Send(FromStore(path.error()));
  Json data = Json::array();
  for (const Message& message : path->messages) {
    data.push_back(MessageJson(message, *service.chat_answers));
  }
  const Json leaf = path->messages.empty() ? Json() : Json(path->messages.back().id);
  call.Send(JsonResponse({{"data", std::move(data)}, {"leaf", leaf}, {"earlier", path->earlier}}));
}

/// What an answer needs, before anything is stored.
struct Admission {
  std::string model;
  Json sampling;
  std::shared_ptr<Ticket> ticket;
};

std::optional<Admission> Admit(const Service& service, const Call& call,
                               const Conversation& conversation, const std::string& model,
                               const std::optional<Json>& sampling) {
  Admission admission;
  admission.model = !model.empty() ? model : conversation.model;
  for (const auto& one : service.provider->models()) {
    if (!admission.model.empty()) break;
    if (one.kind == providers::ModelKind::kText && call.caller.MayUse(one.id)) {
      admission.model = one.id;
    }
  }
  if (const auto why =
          WhyNotUsable(service, call.caller, admission.model, providers::ModelKind::kText)) {
    call.Send(*why);
    return std::nullopt;
  }
  admission.sampling = Json::parse(conversation.sampling, nullptr, false);
  if (!admission.sampling.is_object()) admission.sampling = Json::object();
  if (sampling) admission.sampling.update(*sampling);
  Caller caller = call.caller;
  caller.session_id.clear();  // the answer goes on when its browser signs out
  auto ticket = service.gate->Admit(caller, "POST /api/app/conversations/{id}/messages");
  if (!ticket) {
    call.Send(ticket.error());
    return std::nullopt;
  }
  admission.ticket = std::move(*ticket);
  admission.ticket->SetModel(admission.model, true);
  return admission;
}

Message NewAnswer(const Service& service, const Conversation& conversation,
                  const std::string& parent, const std::string& model) {
  Message answer;
  answer.id = store::NewId("msg");
  answer.conversation_id = conversation.id;
  answer.parent_id = parent;
  answer.role = "assistant";
  answer.status = "running";
  answer.model = model;
  answer.created_ms = service.gate->now_ms();
  return answer;
}

/// The answer as JSON, running.
ApiResult<Json> StartAnswer(const Service& service, const Call& call,
                            const Conversation& conversation, const Message& answer,
                            Admission admission) {
  assistant::AnswerOrder order;
  order.account_id = call.caller.account_id;
  order.message_id = answer.id;
  order.conversation_id = conversation.id;
  order.parent_id = answer.parent_id;
  order.model = admission.model;
  order.instructions = conversation.instructions;
  order.sampling = std::move(admission.sampling);
  order.used = [ticket = std::move(admission.ticket)](const providers::ChatUsage& usage) {
    ticket->SetOutcome(200, "");
    ticket->SetUsage(usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens);
  };
  auto started = service.chat_answers->Start(std::move(order));
  if (!started) return tl::unexpected(FromStore(started.error()));
  const auto message = All(service).FindMessage(call.caller.account_id, answer.id);
  if (!message) return tl::unexpected(FromStore(message.error()));
  if (!*message) return Refuse("not_found", "the message was deleted meanwhile", "");
  return MessageJson(**message, *service.chat_answers);
}

void SendCreated(const Call& call, const Json& json) {
  net::Response response = JsonResponse(json);
  response.status = 201;
  call.Send(std::move(response));
}

// A request that is repeated gets what the first one made.
bool SendExisting(const Service& service, const Call& call, const std::string& id) {
  const auto there = All(service).FindMessage(call.caller.account_id, id);
  if (!there || !*there) return false;
  Json answer;
  const auto path =
      All(service).Path(call.caller.account_id, (*there)->conversation_id, "", "", 20'000);
  if (path) {
    for (const Message& message : path->messages) {
      if (message.parent_id == id) answer = MessageJson(message, *service.chat_answers);
    }
  }
  call.Send(JsonResponse(
      {{"message", MessageJson(**there, *service.chat_answers)}, {"answer", std::move(answer)}}));
  return true;
}

void Say(const Service& service, const Call& call) {
  const auto conversation = RequireConversation(service, call, call.request.Parameter("id"));
  if (!conversation) return;
  ApiError bad{"", "", ""};
  JsonObject body(ParseOr(call.request.body, bad));
  if (!bad.code.empty()) return call.Send(bad);
  Message message;
  const auto id = ReadId(body, "msg_");
  message.id = id.value_or(store::NewId("msg"));
  message.content = body.RequiredString("content");
  const bool first = body.IsNull("parent_id");
  message.parent_id =
      body.String("parent_id").value_or(first ? std::string() : conversation->active_leaf);
  const std::string model = body.String("model").value_or("");
  const auto sampling = ReadSamplingMember(body);
  const bool answer_wanted = body.Bool("answer").value_or(true);
  if (auto read = body.Finish(); !read) return call.Send(read.error());
  if (id && SendExisting(service, call, *id)) return;
  message.conversation_id = conversation->id;
  message.role = "user";
  message.created_ms = service.gate->now_ms();
  std::optional<Admission> admission;
  if (answer_wanted) {
    admission = Admit(service, call, *conversation, model, sampling);
    if (!admission) return;
  }
  std::vector<Message> added = {message};
  if (auto done = All(service).Add(call.caller.account_id, added, message.created_ms); !done) {
    return call.Send(FromStore(done.error()));
  }
  Json answer_json;
  if (admission) {
    const Message answer = NewAnswer(service, *conversation, message.id, admission->model);
    auto done = All(service).Add(call.caller.account_id, {answer}, answer.created_ms);
    if (!done) return call.Send(FromStore(done.error()));
    auto started = StartAnswer(service, call, *conversation, answer, std::move(*admission));
    if (!started) return call.Send(started.error());
    answer_json = std::move(*started);
  }
  const auto stored = All(service).FindMessage(call.caller.account_id, message.id);
  if (!stored) return call.Send(FromStore(stored.error()));
  SendCreated(call, {{"message", *stored ? MessageJson(**stored, *service.chat_answers) : Json()},
                     {"answer", std::move(answer_json)}});
}

void AnswerAgain(const Service& service, const Call& call) {
  const auto message = RequireMessage(service, call);
  if (!message) return;
  JsonObject body(call.request.body);
  const std::string model = body.String("model").value_or("");
  const auto sampling = ReadSamplingMember(body);
  if (auto read = body.Finish(); !read) return call.Send(read.error());
  if (message->role != "user") {
    return call.Send(ApiError{"invalid_value", "only a user's message can be answered", ""});
  }
  const auto conversation = RequireConversation(service, call, message->conversation_id);
  if (!conversation) return;
  auto admission = Admit(service, call, *conversation, model, sampling);
  if (!admission) return;
  const Message answer = NewAnswer(service, *conversation, message->id, admission->model);
  auto done = All(service).Add(call.caller.account_id, {answer}, answer.created_ms);
  if (!done) return call.Send(FromStore(done.error()));
  auto started = StartAnswer(service, call, *conversation, answer, std::move(*admission));
  if (!started) return call.Send(started.error());
  SendCreated(call, {{"answer", std::move(*started)}});
}

void GetMessage(const Service& service, const Call& call) {
  const auto message = RequireMessage(service, call);
  if (message) call.Send(JsonResponse(MessageJson(*message, *service.chat_answers)));
}

void Stop(const Service& service, const Call& call) {
  auto message = RequireMessage(service, call);
  if (!message) return;
  if (const auto generation = service.chat_answers->Find(message->id)) generation->Stop();
  call.Send(JsonResponse(MessageJson(*message, *service.chat_answers)));
}

// An answer that has ended is told at once: all of it, and its end.
void SendWhole(const Service& service, const Call& call, const Message& message, int64_t after) {
  const Json json = MessageJson(message, *service.chat_answers);
  const int64_t last = json["last_event"].get<int64_t>();
  Json end = Json::object();
  for (const char* name :
       {"status", "finish_reason", "error", "usage", "duration_ms", "reasoning_ms"}) {
    end[name] = json[name];
  }
  call.writer->StartStream(200, net::SseHeaders());
  if (after < last) {
    const Json snapshot = {{"text", message.content}, {"reasoning", message.reasoning}};
    call.writer->Write(net::SseEvent(DumpJson(snapshot), "snapshot", std::to_string(last - 1)) +
                       net::SseEvent(DumpJson(end), "end", std::to_string(last)));
  }
  call.writer->Finish();
}

void Events(const Service& service, const Call& call) {
  const auto message = RequireMessage(service, call);
  if (!message) return;
  std::string place = Query(call, "after");
  if (const auto last = call.request.headers.Find("Last-Event-ID")) place = *last;
  const int64_t after = Number(place, 0, 0, INT64_MAX);
  if (auto generation = service.chat_answers->Find(message->id)) {
    return FollowAnswer(call.writer, std::move(generation), after);
  }
  if (message->status != "running") return SendWhole(service, call, *message, after);
  // It ended between the two looks, or waits for the server to take it up again.
  const auto again = RequireMessage(service, call);
  if (!again) return;
  if (again->status != "running") return SendWhole(service, call, *again, after);
  call.Send(ApiError{"model_loading", "the answer goes on when its model is ready", ""});
}

void DeleteMessage(const Service& service, const Call& call) {
  const auto message = RequireMessage(service, call);
  if (!message) return;
  service.chat_answers->DropAll(message->conversation_id);
  const auto removed =
      All(service).RemoveMessage(call.caller.account_id, message->id, service.gate->now_ms());
  if (!removed) return call.Send(FromStore(removed.error()));
  const auto conversation = RequireConversation(service, call, message->conversation_id);
  if (conversation) SendConversation(service, call, *conversation);
}

void Search(const Service& service, const Call& call) {
  const int64_t begun = service.gate->now_ms();
  const int most = static_cast<int>(Number(Query(call, "limit"), 20, 1, 50));
  constexpr size_t kMostQueryBytes = 1024;
  const std::string typed = Query(call, "q").substr(0, kMostQueryBytes);
  const auto hits = All(service).Search(call.caller.account_id, typed, most);
  if (!hits) return call.Send(FromStore(hits.error()));
  Json data = Json::array();
  for (const store::SearchHit& hit : *hits) data.push_back(HitJson(hit, *service.chat_answers));
  call.Send(JsonResponse(
      {{"data", std::move(data)}, {"next", nullptr}, {"took_ms", service.gate->now_ms() - begun}}));
}

}  // namespace

void AddConversationRoutes(Routes& routes) {
  const auto add = [&](const char* method, const char* path, Routes::Handler handler) {
    routes.Add(method, path, RunOn::kWorker, Rule::kAccount, std::move(handler));
  };
  add("GET", "/api/app/conversations", List);
  add("POST", "/api/app/conversations", Create);
  add("DELETE", "/api/app/conversations", DeleteAll);
  add("POST", "/api/app/conversations/batch", Batch);
  add("GET", "/api/app/conversations/{id}", Get);
  add("PATCH", "/api/app/conversations/{id}", Change);
  add("DELETE", "/api/app/conversations/{id}", Delete);
  add("GET", "/api/app/conversations/{id}/messages", Path);
  add("POST", "/api/app/conversations/{id}/messages", Say);
  add("GET", "/api/app/messages/{id}", GetMessage);
  add("DELETE", "/api/app/messages/{id}", DeleteMessage);
  add("POST", "/api/app/messages/{id}/answers", AnswerAgain);
  add("POST", "/api/app/messages/{id}/stop", Stop);
  add("GET", "/api/app/messages/{id}/events", Events);
  add("GET", "/api/app/search", Search);
}

}  // namespace dure::api
