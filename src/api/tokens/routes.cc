// What a model makes of text, without asking it for an answer: /v1/tokenize, /v1/detokenize and
// /v1/apply-template. They say what `dure tokenize` and `dure template` say.
#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/json_fields.h"
#include "api/openai/text_answer.h"
#include "api/openai/text_request.h"
#include "api/service.h"

namespace dure::api {

namespace {

using providers::ModelText;
using Status = ApiResult<void>;

/// Calls `read` with each member that is not null, then asks for those that must be there.
ApiResult<Json> ReadMembers(const Call& call, const JsonLimits& limits,
                            std::initializer_list<const char*> required,
                            const std::function<Status(const std::string&, const Json&)>& read) {
  auto json = ParseJson(call.request.body, limits);
  if (!json) return Refuse("invalid_json", json.error().message, "");
  if (!json->is_object()) return Refuse("invalid_json", "the body must be a JSON object", "");
  for (const auto& [name, value] : json->items()) {
    if (value.is_null()) continue;
    if (auto good = read(name, value); !good) return tl::unexpected(good.error());
  }
  if (auto there = RequireFields(*json, required); !there) return tl::unexpected(there.error());
  return *std::move(json);
}

Status Unknown(const std::string& name) {
  return Refuse("unknown_parameter", "unknown parameter '" + name + "'", name);
}

/// Answers with what `make` gives of the model's text; `input` is to blame for its errors.
void AnswerWith(const Service& service, const Call& call, const std::string& model,
                std::optional<providers::ModelKind> kind, const char* input,
                std::function<Result<Json>(const ModelText&)> make) {
  call.ticket->SetModel(model, false);
  if (const auto reason = WhyNotUsable(service, call.caller, model, kind)) {
    return call.Send(*reason);
  }
  service.provider->WithText(model, [writer = call.writer, ticket = call.ticket, input,
                                     make = std::move(make)](
                                        const Result<std::shared_ptr<const ModelText>>& text) {
    const Result<Json> made = text ? make(**text) : tl::unexpected(text.error());
    writer->Send(made ? JsonResponse(*made) : ErrorResponse(FromTextError(made.error(), input)));
  });
}

bool IsText(const Json& value) {
  if (value.is_string()) return true;
  return value.is_array() && !value.empty() &&
         std::all_of(value.begin(), value.end(), [](const Json& one) { return one.is_string(); });
}

/// Of a string its ids, of several an array of such arrays.
Json Tokens(const ModelText& text, const Json& texts, bool special) {
  size_t count = 0;
  const auto encode = [&](const Json& one) {
    const auto ids = text.Encode(one.get_ref<const std::string&>(), special);
    count += ids.size();
    return Json(ids);
  };
  Json tokens;
  if (texts.is_string()) {
    tokens = encode(texts);
  } else {
    tokens = Json::array();
    for (const Json& one : texts) tokens.push_back(encode(one));
  }
  return {{"tokens", std::move(tokens)}, {"count", count}};
}

void Tokenize(const Service& service, const Call& call) {
  std::string model;
  std::optional<Json> texts;
  bool special = false;
  const auto read = [&](const std::string& name, const Json& value) -> Status {
    if (name == "model") return Keep(ReadString(value, name), model);
    if (name == "special") return Keep(ReadBool(value, name), special);
    if (name != "input" && name != "text") return Unknown(name);
    if (texts) return Refuse("invalid_value", "give either 'input' or 'text'", name);
    if (!IsText(value)) return WrongType(name, "a string or an array of strings", value);
    texts = value;
    return {};
  };
  const auto json = ReadMembers(call, service.text_limits.json, {"model"}, read);
  if (!json) return call.Send(json.error());
  if (!texts) {
    return call.Send(
        ApiError{"missing_required_parameter", "you must provide the parameter 'input'", "input"});
  }
  AnswerWith(service, call, model, std::nullopt, "input",
             [texts = *std::move(texts), special](const ModelText& text) -> Result<Json> {
               return Tokens(text, texts, special);
             });
}

void Detokenize(const Service& service, const Call& call) {
  std::string model;
  std::vector<int32_t> tokens;
  const auto read = [&](const std::string& name, const Json& value) -> Status {
    if (name == "model") return Keep(ReadString(value, name), model);
    if (name == "tokens") return Keep(ReadTokens(value, name), tokens);
    return Unknown(name);
  };
  const auto json = ReadMembers(call, service.text_limits.json, {"model", "tokens"}, read);
  if (!json) return call.Send(json.error());
  AnswerWith(service, call, model, std::nullopt, "tokens",
             [tokens = std::move(tokens)](const ModelText& text) -> Result<Json> {
               auto decoded = text.Decode(tokens);
               if (!decoded) return tl::unexpected(decoded.error());
               return Json{{"text", *std::move(decoded)}};
             });
}

void ApplyTemplate(const Service& service, const Call& call) {
  bool add_generation_prompt = true;
  const auto read = [&](const std::string& name, const Json& value) -> Status {
    if (name != "add_generation_prompt") return {};
    return Keep(ReadBool(value, name), add_generation_prompt);
  };
  auto json = ReadMembers(call, service.chat_limits.json, {}, read);
  if (!json) return call.Send(json.error());
  json->erase("add_generation_prompt");
  auto body = ReadChatBody(*json, service.chat_limits);
  if (!body) return call.Send(body.error());
  const std::string model = body->request.model;
  AnswerWith(service, call, model, providers::ModelKind::kText, "messages",
             [request = std::move(body->request),
              add_generation_prompt](const ModelText& text) -> Result<Json> {
               auto prompt = text.Render(request, add_generation_prompt);
               if (!prompt) return tl::unexpected(prompt.error());
               return Json{{"prompt", std::move(prompt->text)}, {"tokens", prompt->tokens}};
             });
}

}  // namespace

void AddTokenRoutes(Routes& routes) {
  routes.Add("POST", "/v1/tokenize", net::RunOn::kWorker, Rule::kInference, Tokenize);
  routes.Add("POST", "/v1/detokenize", net::RunOn::kWorker, Rule::kInference, Detokenize);
  routes.Add("POST", "/v1/apply-template", net::RunOn::kWorker, Rule::kInference, ApplyTemplate);
}

}  // namespace dure::api
