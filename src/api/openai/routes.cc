// The OpenAI API: /v1/models and /v1/chat/completions.
#include <algorithm>
#include <string>
#include <utility>

#include "api/openai/chat_answer.h"
#include "api/openai/chat_request.h"
#include "api/service.h"

namespace dure::api {

namespace {

using net::RunOn;

const char* StateName(providers::ModelState state) {
  switch (state) {
    case providers::ModelState::kLoading:
      return "loading";
    case providers::ModelState::kReady:
      return "ready";
    case providers::ModelState::kFailed:
      return "failed";
    case providers::ModelState::kUnloaded:
      break;
  }
  return "unloaded";
}

Json ModelJson(const providers::ModelInfo& model) {
  Json out = {
      {"id", model.id}, {"object", "model"}, {"created", model.created}, {"owned_by", model.owner}};
  if (model.context_length > 0) out["context_length"] = model.context_length;
  out["kind"] = model.kind == providers::ModelKind::kEmbedding ? "embedding" : "text";
  out["state"] = StateName(model.state);
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

}  // namespace

void AddOpenAiRoutes(Routes& routes) {
  routes.Add("GET", "/v1/models", RunOn::kIoThread, Rule::kInference, ListModels);
  routes.Add("GET", "/v1/models/{id...}", RunOn::kIoThread, Rule::kInference, GetModel);
  routes.Add("POST", "/v1/chat/completions", RunOn::kWorker, Rule::kInference, CompleteChat);
  AddTextRoutes(routes);
}

}  // namespace dure::api
