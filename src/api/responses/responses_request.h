// POST /v1/responses: the JSON body of OpenAI's Responses API as a checked providers::ChatRequest.
// What is not known or does not work is refused by name (docs/api.md lists what is there).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/error_table.h"
#include "api/json_body.h"
#include "api/openai/chat_request.h"
#include "api/responses/items.h"
#include "providers/provider.h"

namespace dure::api {

struct ResponsesBody {
  providers::ChatRequest request;  // without messages: instructions, context, then input make them
  std::string instructions;
  Json input = Json::array();  // items of the kept form
  std::string previous_response_id;
  bool stream = false;
  bool background = false;
  bool store = true;
  bool with_logprobs = false;
  /// The response's members that repeat the request, in the API's order.
  Json echo = Json::object();
};

/// Errors: invalid_json, missing_required_parameter, invalid_type, invalid_value,
/// unknown_parameter, unsupported_parameter, unsupported_value.
ApiResult<ResponsesBody> ParseResponsesBody(std::string_view body, const ChatRequestLimits& limits,
                                            const IdMaker& new_id);

/// Every parameter that is not refused as unknown; docs/api.md describes each.
std::vector<std::string_view> KnownResponsesParameters();

// In a file of their own.

ApiResult<std::vector<providers::Tool>> ReadResponsesTools(const Json& value,
                                                           const ChatRequestLimits& limits);
/// Sets tool_choice and named_tool.
ApiResult<void> ReadResponsesToolChoice(const Json& value, providers::ChatRequest& request);

}  // namespace dure::api
