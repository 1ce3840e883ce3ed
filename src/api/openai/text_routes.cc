// POST /v1/completions: texts to be continued as they stand.
#include <utility>

#include "api/openai/text_answer.h"
#include "api/openai/text_batch.h"
#include "api/openai/text_request.h"
#include "api/service.h"

namespace dure::api {

namespace {

void CompleteText(const Service& service, const Call& call) {
  auto body = ParseTextBody(call.request.body, service.text_limits);
  if (!body) return call.Send(body.error());
  const std::string model = body->requests.front().model;
  call.ticket->SetModel(model, body->stream);
  if (const auto reason = WhyNotUsable(service, call.caller, model, providers::ModelKind::kText)) {
    return call.Send(*reason);
  }
  AnswerSettings settings;
  settings.identity = {"cmpl-" + service.random_id(), service.unix_time(), model,
                       "dure-" + service.version};
  for (providers::TextRequest& request : body->requests) {
    request.tenant = call.caller.account_id;
    request.request_id = call.request_id;
    settings.choices = request.choices * static_cast<int>(body->requests.size());
  }
  settings.with_logprobs = body->requests.front().top_logprobs >= 0;
  settings.include_usage = body->include_usage;
  settings.max_coalesced_bytes = service.max_coalesced_bytes;
  settings.ticket = call.ticket;
  const auto answer = MakeTextAnswer(call.writer, body->stream, std::move(settings));
  answer->Watch();
  auto completion = CompleteTexts(*service.provider, body->requests, answer);
  if (!completion) return answer->Reject(FromTextError(completion.error(), "prompt"));
  answer->Attach(std::move(*completion));
}

}  // namespace

void AddTextRoutes(Routes& routes) {
  routes.Add("POST", "/v1/completions", net::RunOn::kWorker, Rule::kInference, CompleteText);
}

}  // namespace dure::api
