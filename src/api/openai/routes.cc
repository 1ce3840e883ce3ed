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

using net::Request;
using net::RunOn;
using WriterPtr = std::shared_ptr<net::ResponseWriter>;
using ServicePtr = std::shared_ptr<const Service>;

Json ModelJson(const providers::ModelInfo& model) {
  Json out = {
      {"id", model.id}, {"object", "model"}, {"created", model.created}, {"owned_by", "dure"}};
  if (model.context_length > 0) out["context_length"] = model.context_length;
  return out;
}

void ListModels(const Service& service, const Request&, const WriterPtr& writer) {
  Json data = Json::array();
  for (const auto& model : service.provider->models()) data.push_back(ModelJson(model));
  writer->Send(JsonResponse({{"object", "list"}, {"data", std::move(data)}}));
}

ApiError NoSuchModel(std::string_view id) {
  return {"model_not_found", "The model '" + std::string(id) + "' does not exist here", "model"};
}

void GetModel(const Service& service, const Request& request, const WriterPtr& writer) {
  const std::string_view id = request.Parameter("id");
  for (const auto& model : service.provider->models()) {
    if (model.id == id) return writer->Send(JsonResponse(ModelJson(model)));
  }
  writer->Send(ErrorResponse(NoSuchModel(id)));
}

/// Why a chat with this model cannot start now.
std::optional<ApiError> CheckModel(const Service& service, const std::string& id) {
  for (const auto& model : service.provider->models()) {
    if (model.id == id) return WhyNotReady({model});
  }
  return NoSuchModel(id);
}

void CompleteChat(const Service& service, const Request& request, const WriterPtr& writer) {
  auto body = ParseChatBody(request.body, service.chat_limits);
  if (!body) return writer->Send(ErrorResponse(body.error()));
  providers::ChatRequest& chat = body->request;
  if (const auto reason = CheckModel(service, chat.model)) {
    return writer->Send(ErrorResponse(*reason));
  }
  chat.tenant = "owner";
  AnswerSettings settings;
  settings.identity = {"chatcmpl-" + service.random_id(), service.unix_time(), chat.model,
                       "dure-" + service.version};
  settings.choices = chat.choices;
  settings.with_logprobs = chat.top_logprobs >= 0;
  settings.include_usage = body->include_usage;
  settings.max_coalesced_bytes = service.max_coalesced_bytes;
  const auto answer = body->stream ? MakeStreamedAnswer(writer, std::move(settings))
                                   : MakeWholeAnswer(writer, std::move(settings));
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

void AddOpenAiRoutes(net::Router& router, std::shared_ptr<const Service> service) {
  const auto add = [&](const char* method, const char* path, RunOn run_on, auto handler) {
    router.Add(method, path, run_on, [service, handler](const Request& request, WriterPtr writer) {
      handler(*service, request, writer);
    });
  };
  add("GET", "/v1/models", RunOn::kIoThread, ListModels);
  add("GET", "/v1/models/{id...}", RunOn::kIoThread, GetModel);
  add("POST", "/v1/chat/completions", RunOn::kWorker, CompleteChat);
  for (const auto& [method, path] : kNotImplemented) {
    add(method, path, RunOn::kIoThread,
        [](const Service&, const Request& request, const WriterPtr& writer) {
          writer->Send(ErrorResponse(
              {"not_implemented",
               request.method + " " + request.target + " is not implemented here yet", ""}));
        });
  }
}

}  // namespace dure::api
