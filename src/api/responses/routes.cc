// OpenAI's Responses API.
#include <charconv>
#include <string>
#include <utility>

#include "api/access/authenticator.h"
#include "api/responses/direct_answer.h"
#include "api/responses/event_follower.h"
#include "api/responses/kept_responses.h"
#include "api/responses/response_run.h"
#include "api/responses/responses_request.h"
#include "api/service.h"

namespace dure::api {

namespace {

using net::RunOn;
using Runs = std::shared_ptr<ResponseRuns>;

constexpr char kIdFront[] = "resp_";

std::string IdOf(const Call& call) { return std::string(call.request.Parameter("id")); }

ApiError NoSuchResponse(const std::string& id) {
  return {"not_found", "there is no response '" + id + "'", ""};
}

void AppendInstructions(const std::string& text, std::vector<providers::ChatMessage>& messages) {
  if (text.empty()) return;
  providers::ChatMessage message;
  message.role = providers::Role::kSystem;
  message.content = text;
  messages.push_back(std::move(message));
}

/// Instructions of the request and those that its input begins with are one message: templates
/// take one.
void JoinInstructions(std::vector<providers::ChatMessage>& messages) {
  using providers::Role;
  if (messages.size() < 2 || messages[0].role != Role::kSystem) return;
  if (messages[1].role != Role::kSystem && messages[1].role != Role::kDeveloper) return;
  messages[0].content += "\n" + messages[1].content;
  messages.erase(messages.begin() + 1);
}

/// The chat that a request continues or begins. Errors: ContextOf's.
ApiResult<void> MakeMessages(const Service& service, const ResponseRuns& runs, const Call& call,
                             ResponsesBody& body) {
  auto& messages = body.request.messages;
  AppendInstructions(body.instructions, messages);
  if (!body.previous_response_id.empty()) {
    auto context = ContextOf(service.gate->store().events(), runs, call.caller.account_id,
                             body.previous_response_id, service.chat_limits.max_messages);
    if (!context) return tl::unexpected(context.error());
    for (auto& message : *context) messages.push_back(std::move(message));
  }
  for (const Json& item : body.input) AppendItem(item, messages);
  JoinInstructions(messages);
  return {};
}

ResponseEvents MakeEvents(const Service& service, const ResponsesBody& body,
                          const std::string& id) {
  return ResponseEvents({id, service.unix_time(), body.echo, body.background, body.with_logprobs,
                         service.random_id, service.unix_time});
}

void AnswerDirectly(const Service& service, const Call& call, const ResponsesBody& body,
                    const std::string& id) {
  const auto answer = MakeDirectAnswer(call.writer, body.stream, call.ticket,
                                       MakeEvents(service, body, id), service.max_coalesced_bytes);
  answer->Watch();
  auto completion = service.provider->Complete(body.request, answer);
  if (!completion) return answer->Reject(FromProviderError(completion.error()));
  answer->Attach(std::move(*completion));
}

/// Lets the client have what is being made, in the way it asked for.
void Deliver(const Service& service, const Call& call, const ResponsesBody& body,
             const std::string& id, const std::shared_ptr<ResponseRun>& run) {
  const auto leave = [weak = std::weak_ptr(run)] {
    const auto here = weak.lock();
    if (here && !here->background()) here->Cancel();
  };
  if (body.stream) {
    auto started = EventFollower::Start(call.writer, service.gate->store().events(),
                                        {call.caller.account_id, id, 0, nullptr, leave});
    if (!started) call.Send(started.error());
  } else if (body.background) {
    call.Send(JsonResponse(run->Response()));
  } else {
    call.writer->OnClientGone(leave);
    run->OnKept([writer = call.writer, run](const ApiError* failure) {
      writer->Send(failure != nullptr ? ErrorResponse(*failure) : JsonResponse(run->Response()));
    });
  }
}

void MakeKept(const Service& service, const Runs& runs, const Call& call, const ResponsesBody& body,
              const std::string& id) {
  store::EventLog& log = service.gate->store().events();
  const auto created =
      log.Create({id, call.caller.account_id, kResponseKind,
                  ResponseHead(body.input, body.previous_response_id), service.gate->now_ms()});
  if (!created) return call.Send(FromStoreError(created.error()));
  const auto run = std::make_shared<ResponseRun>(
      ResponseRun::Settings{id, call.caller.account_id, body.background, call.ticket, &log,
                            [runs, id] { runs->Remove(id); }},
      MakeEvents(service, body, id));
  runs->Add(id, run);
  run->Begin();
  auto completion = service.provider->Complete(body.request, run);
  if (!completion) {
    // It never began: nothing of it stays.
    runs->Remove(id);
    (void)log.Remove(call.caller.account_id, id);
    return call.Send(FromProviderError(completion.error()));
  }
  run->Attach(std::move(*completion));
  Deliver(service, call, body, id, run);
}

void CreateResponse(const Service& service, const Runs& runs, const Call& call) {
  auto body = ParseResponsesBody(call.request.body, service.chat_limits, service.random_id);
  if (!body) return call.Send(body.error());
  providers::ChatRequest& request = body->request;
  call.ticket->SetModel(request.model, body->stream);
  if (const auto reason =
          WhyNotUsable(service, call.caller, request.model, providers::ModelKind::kText)) {
    return call.Send(*reason);
  }
  if (auto made = MakeMessages(service, *runs, call, *body); !made) return call.Send(made.error());
  request.tenant = call.caller.account_id;
  request.request_id = call.request_id;
  const std::string id = kIdFront + service.random_id();
  if (!body->store) return AnswerDirectly(service, call, *body, id);
  MakeKept(service, runs, call, *body, id);
}

ApiResult<int64_t> ReadNumber(const std::string& name, const std::string& text, int64_t least,
                              int64_t most) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number >= least &&
      number <= most) {
    return number;
  }
  return Refuse("invalid_value",
                "'" + name + "' must be an integer between " + std::to_string(least) + " and " +
                    std::to_string(most),
                name);
}

struct RetrieveQuery {
  bool stream = false;
  int64_t after = 0;  // id of an event in the log: one above its sequence_number
};

ApiResult<RetrieveQuery> ParseRetrieveQuery(const net::Request& request) {
  RetrieveQuery query;
  for (const auto& [name, value] : request.query) {
    if (name == "stream") {
      if (value != "true" && value != "false") {
        return Refuse("invalid_value", "'stream' must be true or false", name);
      }
      query.stream = value == "true";
    } else if (name == "starting_after") {
      const auto number = ReadNumber(name, value, 0, INT64_MAX - 1);
      if (!number) return tl::unexpected(number.error());
      query.after = *number + 1;
    } else if (name != "include_obfuscation") {
      return Refuse("unknown_parameter", "unknown parameter '" + name + "'", name);
    }
  }
  return query;
}

void FollowResponse(const Service& service, const Call& call, const std::string& id,
                    int64_t after) {
  // A stream is a request of its own: it ends with its caller's right to it.
  auto ticket = service.gate->Admit(call.caller, "GET /v1/responses/{id}");
  if (!ticket) return call.Send(ticket.error());
  (*ticket)->SetModel("", /*stream=*/true);
  (*ticket)->SetOutcome(200, "");
  auto started = EventFollower::Start(call.writer, service.gate->store().events(),
                                      {call.caller.account_id, id, after, *ticket, nullptr});
  if (started) return;
  call.Send(started.error().code == "not_found" ? NoSuchResponse(id) : started.error());
}

void GetResponse(const Service& service, const Runs& runs, const Call& call) {
  const std::string id = IdOf(call);
  const auto query = ParseRetrieveQuery(call.request);
  if (!query) return call.Send(query.error());
  if (!id.starts_with(kIdFront)) return call.Send(NoSuchResponse(id));
  if (query->stream) return FollowResponse(service, call, id, query->after);
  const auto kept = FindResponse(service.gate->store().events(), *runs, call.caller.account_id, id);
  if (!kept) return call.Send(kept.error());
  call.Send(JsonResponse(kept->response));
}

void DeleteResponse(const Service& service, const Runs& runs, const Call& call) {
  const std::string id = IdOf(call);
  if (!id.starts_with(kIdFront)) return call.Send(NoSuchResponse(id));
  if (const auto run = runs->Find(call.caller.account_id, id)) run->Cancel();
  const auto removed = service.gate->store().events().Remove(call.caller.account_id, id);
  if (!removed) return call.Send(FromStoreError(removed.error()));
  if (!*removed) return call.Send(NoSuchResponse(id));
  call.Send(JsonResponse({{"id", id}, {"object", "response"}, {"deleted", true}}));
}

void CancelResponse(const Service& service, const Runs& runs, const Call& call) {
  const std::string id = IdOf(call);
  if (!id.starts_with(kIdFront)) return call.Send(NoSuchResponse(id));
  if (const auto run = runs->Find(call.caller.account_id, id)) run->Cancel();
  const auto kept = FindResponse(service.gate->store().events(), *runs, call.caller.account_id, id);
  if (!kept) return call.Send(kept.error());
  const std::string status = kept->response.value("status", "");
  if (status != "cancelled") {
    return call.Send(ApiError{"conflict", "the response has ended already: it is " + status, ""});
  }
  call.Send(JsonResponse(kept->response));
}

struct ListQuery {
  int64_t limit = 20;
  bool ascending = false;
  std::string after;
};

ApiResult<ListQuery> ParseListQuery(const net::Request& request) {
  constexpr int64_t kMostItems = 100;
  ListQuery query;
  for (const auto& [name, value] : request.query) {
    if (name == "limit") {
      const auto number = ReadNumber(name, value, 1, kMostItems);
      if (!number) return tl::unexpected(number.error());
      query.limit = *number;
    } else if (name == "order") {
      if (value != "asc" && value != "desc") {
        return Refuse("invalid_value", "'order' must be asc or desc", name);
      }
      query.ascending = value == "asc";
    } else if (name == "after") {
      query.after = value;
    } else {
      return Refuse("unknown_parameter", "unknown parameter '" + name + "'", name);
    }
  }
  return query;
}

void ListInputItems(const Service& service, const Runs& runs, const Call& call) {
  const std::string id = IdOf(call);
  const auto query = ParseListQuery(call.request);
  if (!query) return call.Send(query.error());
  const auto kept = FindResponse(service.gate->store().events(), *runs, call.caller.account_id, id);
  if (!kept) return call.Send(kept.error());
  std::vector<Json> items(kept->input.begin(), kept->input.end());
  if (!query->ascending) std::reverse(items.begin(), items.end());
  size_t at = 0;
  if (!query->after.empty()) {
    while (at < items.size() && items[at].value("id", "") != query->after) ++at;
    if (at == items.size()) {
      return call.Send(ApiError{"not_found", "there is no item '" + query->after + "'", "after"});
    }
    ++at;
  }
  Json data = Json::array();
  for (; at < items.size() && data.size() < static_cast<size_t>(query->limit); ++at) {
    data.push_back(items[at]);
  }
  const Json first = data.empty() ? Json() : data.front().value("id", Json());
  const Json last = data.empty() ? Json() : data.back().value("id", Json());
  call.Send(JsonResponse({{"object", "list"},
                          {"data", std::move(data)},
                          {"first_id", first},
                          {"last_id", last},
                          {"has_more", at < items.size()}}));
}

}  // namespace

void AddResponsesRoutes(Routes& routes) {
  const auto runs = std::make_shared<ResponseRuns>();
  const auto add = [&](const char* method, const char* path, RunOn run_on,
                       void (*handler)(const Service&, const Runs&, const Call&)) {
    routes.Add(method, path, run_on, Rule::kInference,
               [runs, handler](const Service& service, const Call& call) {
                 handler(service, runs, call);
               });
  };
  add("POST", "/v1/responses", RunOn::kWorker, CreateResponse);
  add("GET", "/v1/responses/{id}", RunOn::kWorker, GetResponse);
  add("DELETE", "/v1/responses/{id}", RunOn::kWorker, DeleteResponse);
  // Not on a worker: ending something must not wait for places, nor count as a request.
  add("POST", "/v1/responses/{id}/cancel", RunOn::kIoThread, CancelResponse);
  add("GET", "/v1/responses/{id}/input_items", RunOn::kWorker, ListInputItems);
}

}  // namespace dure::api
