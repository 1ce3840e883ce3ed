#include "api/anthropic/errors.h"

#include <string_view>
#include <utility>

#include "api/service.h"

namespace dure::api {

namespace {

constexpr int kOverloaded = 529;

int StatusOf(const ErrorRow& row) {
  const bool overloaded =
      row.code == "server_busy" || row.code == "resource_exhausted" || row.code == "model_loading";
  return overloaded ? kOverloaded : row.status;
}

std::string_view TypeOf(const ErrorRow& row) {
  switch (StatusOf(row)) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case kOverloaded:
      return "overloaded_error";
    default:
      return row.status < 500 ? "invalid_request_error" : "api_error";
  }
}

}  // namespace

std::string AnthropicErrorJson(const ApiError& error) {
  const ErrorRow& row = RowOf(error);
  Json inner = {{"type", TypeOf(row)}, {"message", error.message}, {"code", row.code}};
  if (!error.param.empty()) inner["param"] = error.param;
  return DumpJson({{"type", "error"}, {"error", std::move(inner)}});
}

net::Response AnthropicErrorResponse(const ApiError& error) {
  net::Response response = ErrorResponse(error);
  response.status = StatusOf(RowOf(error));
  response.body = AnthropicErrorJson(error);
  return response;
}

}  // namespace dure::api
