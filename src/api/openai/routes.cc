// The OpenAI API: /v1/models and /v1/chat/completions, and an honest 501 for what OpenAI has and
// this server does not.
#include <algorithm>
#include <string>
#include <utility>

#include "api/openai/chat_answer.h"
#include "api/openai/chat_request.h"
#include "api/service.h"

namespace dure::api {

namespace {

using net::RunOn;

Json ModelJson(const providers::ModelInfo& model) {
  Json out = {
      {"id", model.id}, {"object", "model"}, {"created", model.created}, {"owned_by", model.owner}};
  if (model.context_length > 0) out["context_length"] = model.context_length;
  return out;
}

void ListModels(const Service& service, const Call& call) {
  Json data = Json::array();
  for (const auto& model : service.provider->models()) {
    if (call.caller.MayUse(model.id)) data.push_back(ModelJson(model));
  }
  call.Send(JsonResponse({{"object", "list"}, {"data", std::move(data)}}));
}

void GetModel(const Service& service, const Call& call) {
  const std::string_view id = call.request.Parameter("id");
  for (const auto& model : service.provider->models()) {
    if (model.id == id && call.caller.MayUse(id)) return call.Send(JsonResponse(ModelJson(model)));
  }
  call.Send(NoSuchModel(id));
}

void CompleteChat(const Service& service, const Call& call) {
  auto body = ParseChatBody(call.request.body, service.chat_limits);
  if (!body) return call.Send(body.error());
  providers::ChatRequest& chat = body->request;
  call.ticket->SetModel(chat.model, body->stream);
  if (const auto reason =
          WhyNotUsable(service, call.caller, chat.model, providers::ModelKind::kText)) {
    return call.Send(*reason);
  }
  chat.tenant = call.caller.account_id;
  chat.request_id = call.request_id;
  AnswerSettings settings;
  settings.identity = {"chatcmpl-" + service.random_id(), service.unix_time(), chat.model,
                       "dure-" + service.version};
  settings.choices = chat.choices;
  settings.with_tools = !chat.tools.empty();
  settings.functions = body->functions;
  settings.with_logprobs = chat.top_logprobs >= 0;
  settings.include_usage = body->include_usage;
  settings.max_coalesced_bytes = service.max_coalesced_bytes;
  settings.ticket = call.ticket;
  const auto answer = MakeChatAnswer(call.writer, body->stream, std::move(settings));
  answer->Watch();
  auto completion = service.provider->Complete(chat, answer);
  if (!completion) return answer->Reject(FromProviderError(completion.error()));
  answer->Attach(std::move(*completion));
}

// Endpoints of OpenAI's API that a client may try: what they are for is worth more than a 404.
constexpr std::pair<const char*, const char*> kNotImplemented[] = {
    {"POST", "/v1/completions"},
    {"POST", "/v1/responses"},
    {"GET", "/v1/responses/{id...}"},
    {"POST", "/v1/embeddings"},
    {"POST", "/v1/moderations"},
    {"POST", "/v1/images/{action...}"},
    {"POST", "/v1/audio/{action...}"},
    {"GET", "/v1/files"},
    {"POST", "/v1/files"},
    {"GET", "/v1/files/{id...}"},
    {"GET", "/v1/batches"},
    {"POST", "/v1/batches"},
    {"GET", "/v1/fine_tuning/{path...}"},
    {"POST", "/v1/fine_tuning/{path...}"},
    {"POST", "/v1/assistants"},
    {"POST", "/v1/threads"},
    {"POST", "/v1/vector_stores"},
    {"POST", "/v1/uploads"},
    {"GET", "/v1/chat/completions"},
    {"GET", "/v1/chat/completions/{id...}"},
};

}  // namespace

void AddOpenAiRoutes(Routes& routes) {
  routes.Add("GET", "/v1/models", RunOn::kIoThread, Rule::kInference, ListModels);
  routes.Add("GET", "/v1/models/{id...}", RunOn::kIoThread, Rule::kInference, GetModel);
  routes.Add("POST", "/v1/chat/completions", RunOn::kWorker, Rule::kInference, CompleteChat);
  for (const auto& [method, path] : kNotImplemented) {
    routes.Add(
        method, path, RunOn::kIoThread, Rule::kInference, [](const Service&, const Call& call) {
          call.Send(ApiError{
              "not_implemented",
              call.request.method + " " + call.request.target + " is not implemented here yet",
              ""});
        });
  }
}

}  // namespace dure::api
