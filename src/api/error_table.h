// Every error an API client can meet, in one table: its code, HTTP status and OpenAI error type
// (docs/errors.md).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

#include "base/error.h"
#include "net/http.h"

namespace dure::api {

struct ErrorRow {
  std::string_view code;     // error.code
  int status;                // HTTP
  std::string_view type;     // error.type
  int retry_after_seconds;   // 0: trying again gives the same
  std::string_view meaning;  // one line for docs/errors.md
};

/// Ordered as docs/errors.md lists them.
std::span<const ErrorRow> ErrorTable();

/// An error on its way to a client: a row of the table, and what went wrong this time.
struct ApiError {
  std::string_view code;  // a code of the table
  std::string message;
  std::string param;             // the request's parameter to blame; empty: none
  int retry_after_seconds = -1;  // -1: the table's
};

template <typename T>
using ApiResult = tl::expected<T, ApiError>;

inline tl::unexpected<ApiError> Refuse(std::string_view code, std::string message,
                                       std::string param) {
  return tl::unexpected<ApiError>(ApiError{code, std::move(message), std::move(param)});
}

const ErrorRow& RowOf(const ApiError& error);

/// {"error": {"message", "type", "param", "code"}} as one line of JSON.
std::string ErrorJson(const ApiError& error);
net::Response ErrorResponse(const ApiError& error);
/// ErrorResponse, or the same for clients of another API's shape.
using ErrorRenderer = net::Response (*)(const ApiError&);

/// What a provider's error is to a client of the API. What a message could tell of this machine
/// (kConflict, kCorrupt, kIo, kInternal) stays in the server's log, which
/// providers::WatchedProvider writes.
ApiError FromProviderError(const Error& error);
/// What an HTTP server's own refusal is (404, 405, 413 ...).
ApiError FromHttpStatus(int status, const std::string& message);

}  // namespace dure::api
