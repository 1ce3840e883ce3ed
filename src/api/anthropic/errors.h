// Errors in the shape that clients of Anthropic's API expect.
#pragma once

#include <string>

#include "api/error_table.h"

namespace dure::api {

/// {"type": "error", "error": {"type", "message", "code", "param"}}: Anthropic's two members, and
/// the code (docs/errors.md) and parameter that other routes name, too.
std::string AnthropicErrorJson(const ApiError& error);
/// Statuses are those of the table, except 529 where the server is overloaded.
net::Response AnthropicErrorResponse(const ApiError& error);

}  // namespace dure::api
