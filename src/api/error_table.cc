#include "api/error_table.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace dure::api {

namespace {

constexpr std::string_view kInvalidRequest = "invalid_request_error";
constexpr std::string_view kServerError = "server_error";
constexpr std::string_view kAuthentication = "authentication_error";
constexpr std::string_view kPermission = "permission_error";
constexpr std::string_view kRateLimit = "rate_limit_error";

constexpr ErrorRow kTable[] = {
    {"invalid_json", 400, kInvalidRequest, 0,
     "The body is no JSON, or exceeds a limit of depth or size."},
    {"missing_required_parameter", 400, kInvalidRequest, 0,
     "A parameter that must be there is not."},
    {"invalid_type", 400, kInvalidRequest, 0, "A parameter has the wrong JSON type."},
    {"invalid_value", 400, kInvalidRequest, 0,
     "A parameter is out of range or not one of its values."},
    {"unknown_parameter", 400, kInvalidRequest, 0,
     "The request has a parameter this server does not know."},
    {"unsupported_parameter", 400, kInvalidRequest, 0,
     "The parameter is known, but what it asks for does not work yet."},
    {"unsupported_value", 400, kInvalidRequest, 0, "The parameter works, but not with this value."},
    {"context_length_exceeded", 400, kInvalidRequest, 0,
     "Prompt and answer do not fit the model's context; the message holds the numbers."},
    {"invalid_prompt", 400, kInvalidRequest, 0,
     "The model's chat template refuses these messages, or the model has none."},
    {"malformed_request", 400, kInvalidRequest, 0, "The bytes are no valid HTTP request."},
    {"invalid_api_key", 401, kAuthentication, 0,
     "The API key is not known here, was revoked, has expired, or its account is disabled."},
    {"login_required", 401, kAuthentication, 0,
     "The request shows neither a key nor a session, or the session has ended."},
    {"invalid_login", 401, kAuthentication, 0, "Name and password do not belong together."},
    {"permission_denied", 403, kPermission, 0,
     "The key lacks a scope, or the account is no administrator's."},
    {"setup_required", 403, kPermission, 0,
     "The server has no administrator yet; only its setup page works."},
    {"forbidden", 403, kInvalidRequest, 0,
     "The request came for another host name or from another site's page."},
    {"model_not_found", 404, kInvalidRequest, 0,
     "There is no model of this name; GET /v1/models lists them."},
    {"not_found", 404, kInvalidRequest, 0,
     "There is no such key, session or account, or it is somebody else's."},
    {"unknown_url", 404, kInvalidRequest, 0, "There is nothing at this path."},
    {"method_not_allowed", 405, kInvalidRequest, 0,
     "The path does not take this method; the Allow field names those it takes."},
    {"request_timeout", 408, kInvalidRequest, 0, "The request did not arrive in time."},
    {"conflict", 409, kInvalidRequest, 0,
     "Something of this name exists already, or what is there forbids the change."},
    {"idempotency_key_in_use", 409, kInvalidRequest, 1,
     "A request with this Idempotency-Key is still being answered."},
    {"request_too_large", 413, kInvalidRequest, 0,
     "The request is longer than a limit of the server."},
    {"idempotency_key_reused", 422, kInvalidRequest, 0,
     "This Idempotency-Key came with another body before."},
    {"rate_limit_exceeded", 429, kRateLimit, 1,
     "The account's or the key's limit of requests, tokens or parallel requests is reached."},
    {"insufficient_quota", 429, "insufficient_quota", 60,
     "The account's or the key's tokens of the day are used up."},
    {"too_many_attempts", 429, kRateLimit, 30, "Too many tries to sign in; wait."},
    {"client_closed_request", 499, kInvalidRequest, 0,
     "The client went away; nobody sees this answer."},
    {"invalid_model_output", 500, kServerError, 0,
     "What the model wrote contradicts its own format: a tool call that breaks off, say. Another "
     "try "
     "may do better."},
    {"internal_error", 500, kServerError, 0,
     "A mistake of the server; its log says more beside the answer's x-request-id."},
    {"not_implemented", 501, kServerError, 0,
     "OpenAI has this endpoint; this server does not yet."},
    {"upstream_error", 502, kServerError, 0,
     "The model runs on another server, which failed, refused this server's key, or cannot be "
     "reached."},
    {"model_loading", 503, kServerError, 2,
     "The model is still being read; /ready answers 200 when it is there."},
    {"model_failed", 503, kServerError, 0,
     "The model's file could not be loaded; the message says why."},
    {"server_busy", 503, kServerError, 1,
     "The queue or the number of connections is at its limit."},
    {"storage_unavailable", 503, kServerError, 5,
     "The server cannot read or write its data (the disk is full, read-only or damaged)."},
    {"resource_exhausted", 503, kServerError, 1, "Memory or another budget is used up."},
    {"upstream_timeout", 504, kServerError, 0,
     "The model runs on another server, which took too long."},
    {"http_version_not_supported", 505, kInvalidRequest, 0,
     "Only HTTP/1.0 and HTTP/1.1 are spoken."},
};

const ErrorRow* FindRow(std::string_view code) {
  const auto* found = std::find_if(std::begin(kTable), std::end(kTable),
                                   [&](const ErrorRow& row) { return row.code == code; });
  return found != std::end(kTable) ? found : nullptr;
}

// "top_k must be 0 or more" -> "top_k"; "" when the message begins with an ordinary word.
std::string LeadingName(const std::string& message) {
  constexpr std::string_view kNames[] = {"temperature",
                                         "top_p",
                                         "top_k",
                                         "min_p",
                                         "typical_p",
                                         "repetition_penalty",
                                         "presence_penalty",
                                         "frequency_penalty",
                                         "logit_bias",
                                         "max_tokens",
                                         "stop",
                                         "top_logprobs",
                                         "response_format",
                                         "suffix",
                                         "tools"};
  std::string_view word = std::string_view(message).substr(0, message.find(' '));
  if (word.ends_with(':')) word.remove_suffix(1);
  const bool known = std::find(std::begin(kNames), std::end(kNames), word) != std::end(kNames);
  return known ? std::string(word) : std::string();
}

}  // namespace

std::span<const ErrorRow> ErrorTable() { return kTable; }

const ErrorRow& RowOf(const ApiError& error) {
  const ErrorRow* row = FindRow(error.code);
  return row != nullptr ? *row : *FindRow("internal_error");
}

std::string ErrorJson(const ApiError& error) {
  const ErrorRow& row = RowOf(error);
  nlohmann::ordered_json inner = {{"message", error.message}, {"type", row.type}};
  inner["param"] =
      error.param.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(error.param);
  inner["code"] = row.code;
  // Messages may quote what the client sent: whatever is no UTF-8 is replaced.
  return nlohmann::ordered_json{{"error", std::move(inner)}}.dump(
      -1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

net::Response ErrorResponse(const ApiError& error) {
  const ErrorRow& row = RowOf(error);
  net::Response response{row.status, {{"Content-Type", "application/json"}}, ErrorJson(error)};
  const int wait =
      error.retry_after_seconds >= 0 ? error.retry_after_seconds : row.retry_after_seconds;
  if (row.status == 401) response.headers.Add("WWW-Authenticate", "Bearer realm=\"dure\"");
  if (wait > 0) {
    response.headers.Add("Retry-After", std::to_string(wait));
  } else if (row.status >= 500) {
    // OpenAI's clients repeat 5xx answers unless they are told that it is of no use.
    response.headers.Add("x-should-retry", "false");
  }
  return response;
}

ApiError FromProviderError(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
      return {"invalid_value", error.message, LeadingName(error.message)};
    case ErrorCode::kUnsupported:
      if (auto name = LeadingName(error.message); !name.empty()) {
        return {"unsupported_parameter", error.message, std::move(name)};
      }
      return {"invalid_prompt", error.message, "messages"};
    case ErrorCode::kNotFound:
      return {"model_not_found", error.message, "model"};
    case ErrorCode::kContextLengthExceeded:
      return {"context_length_exceeded", error.message, "messages"};
    case ErrorCode::kUnavailable:
      return {"server_busy", error.message, ""};
    case ErrorCode::kResourceExhausted:
      return {"resource_exhausted", error.message, ""};
    case ErrorCode::kUpstream:
      return {"upstream_error", error.message, ""};
    case ErrorCode::kUpstreamTimeout:
      return {"upstream_timeout", error.message, ""};
    case ErrorCode::kModelOutput:
      return {"invalid_model_output", error.message, ""};
    case ErrorCode::kCancelled:
      return {"client_closed_request", error.message, ""};
    case ErrorCode::kCorrupt:
      return {"model_failed", "the model could not be loaded; the server's log says why", "model"};
    case ErrorCode::kConflict:
    case ErrorCode::kIo:
    case ErrorCode::kInternal:
      break;
  }
  return {"internal_error",
          "the server made a mistake; its log says more beside this answer's x-request-id", ""};
}

ApiError FromHttpStatus(int status, const std::string& message) {
  switch (status) {
    case 403:
      return {"forbidden", message, ""};
    case 404:
      return {"unknown_url", message, ""};
    case 405:
      return {"method_not_allowed", message, ""};
    case 408:
      return {"request_timeout", message, ""};
    case 413:
    case 414:
    case 431:
      return {"request_too_large", message, ""};
    case 501:
      return {"not_implemented", message, ""};
    case 503:
      return {"server_busy", message, ""};
    case 505:
      return {"http_version_not_supported", message, ""};
    default:
      return {status < 500 ? "malformed_request" : "internal_error", message, ""};
  }
}

}  // namespace dure::api
