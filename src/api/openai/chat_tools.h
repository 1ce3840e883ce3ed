// The parameters of a chat request that are about tools: tools, tool_choice and their older names.
#pragma once

#include <string>
#include <vector>

#include "api/error_table.h"
#include "api/json_body.h"
#include "api/openai/chat_request.h"
#include "providers/provider.h"

namespace dure::api {

/// `functions`: the elements are what `function` is in the newer form. Errors: those of
/// ParseChatBody.
ApiResult<std::vector<providers::Tool>> ParseTools(const Json& value, const std::string& param,
                                                   bool functions, const ChatRequestLimits& limits);

/// "none", "auto", "required", or an object that names a tool. Sets tool_choice and named_tool.
ApiResult<void> ParseToolChoice(const Json& value, const std::string& param,
                                providers::ChatRequest& request);
/// The older form: "none", "auto" or {"name"}.
ApiResult<void> ParseFunctionCall(const Json& value, const std::string& param,
                                  providers::ChatRequest& request);

}  // namespace dure::api
