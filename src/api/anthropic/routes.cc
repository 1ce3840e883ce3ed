// Anthropic's Messages API: /v1/messages and /v1/messages/count_tokens.
#include <algorithm>
#include <string>
#include <utility>

#include "api/anthropic/errors.h"
#include "api/anthropic/messages_answer.h"
#include "api/anthropic/messages_request.h"
#include "api/service.h"

namespace dure::api {

namespace {

using net::RunOn;

// Clients name the version of the API that they were written for. What is here has the same shape
// in all of these; before them streams had another.
constexpr std::string_view kVersions[] = {"2023-06-01", "2026-10-21"};

ApiResult<void> CheckVersion(const net::Request& request) {
  const auto version = request.headers.Find("anthropic-version");
  if (!version || std::ranges::find(kVersions, *version) != std::end(kVersions)) return {};
  return Refuse("invalid_value", "anthropic-version must be 2023-06-01 or 2026-10-21",
                "anthropic-version");
}

/// The checked body, whose model can be used; nothing when the error was sent.
std::optional<MessagesBody> ReadBody(const Service& service, const Call& call,
                                     MessagesPurpose purpose) {
  if (const auto version = CheckVersion(call.request); !version) {
    call.Send(version.error());
    return std::nullopt;
  }
  auto body = ParseMessagesBody(call.request.body, purpose, service.chat_limits);
  if (!body) {
    call.Send(body.error());
    return std::nullopt;
  }
  call.ticket->SetModel(body->request.model, body->stream);
  if (const auto reason =
          WhyNotUsable(service, call.caller, body->request.model, providers::ModelKind::kText)) {
    call.Send(*reason);
    return std::nullopt;
  }
  body->request.tenant = call.caller.account_id;
  body->request.request_id = call.request_id;
  return std::move(*body);
}

void CreateMessage(const Service& service, const Call& call) {
  auto body = ReadBody(service, call, MessagesPurpose::kAnswer);
  if (!body) return;
  const auto answer =
      MakeMessagesAnswer(call.writer, body->stream,
                         {"msg_" + service.random_id(), body->request.model,
                          body->request.max_tokens, service.max_coalesced_bytes, call.ticket});
  answer->Watch();
  auto completion = service.provider->Complete(body->request, answer);
  if (!completion) return answer->Reject(FromProviderError(completion.error()));
  answer->Attach(std::move(*completion));
}

void CountTokens(const Service& service, const Call& call) {
  auto body = ReadBody(service, call, MessagesPurpose::kCount);
  if (!body) return;
  const std::string model = body->request.model;
  service.provider->WithText(
      model, [writer = call.writer, ticket = call.ticket, request = std::move(body->request)](
                 const Result<std::shared_ptr<const providers::ModelText>>& text) {
        if (!text) return writer->Send(AnthropicErrorResponse(FromProviderError(text.error())));
        const auto prompt = (*text)->Render(request, /*add_generation_prompt=*/true);
        if (!prompt) return writer->Send(AnthropicErrorResponse(FromProviderError(prompt.error())));
        writer->Send(JsonResponse({{"input_tokens", prompt->tokens.size()}}));
      });
}

}  // namespace

void AddAnthropicRoutes(Routes& routes) {
  const auto add = [&](const char* method, const char* path, RunOn run_on,
                       Routes::Handler handler) {
    routes.Add(method, path, run_on, Rule::kInference, std::move(handler), AnthropicErrorResponse);
  };
  add("POST", "/v1/messages", RunOn::kWorker, CreateMessage);
  add("POST", "/v1/messages/count_tokens", RunOn::kWorker, CountTokens);
  for (const char* method : {"GET", "POST", "DELETE"}) {
    routes.AddMissing(method, "/v1/messages/batches", AnthropicErrorResponse);
    routes.AddMissing(method, "/v1/messages/batches/{path...}", AnthropicErrorResponse);
  }
}

}  // namespace dure::api
