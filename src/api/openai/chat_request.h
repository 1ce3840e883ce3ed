// POST /v1/chat/completions: the JSON body as a checked providers::ChatRequest. OpenAI's parameters
// and some that other open servers have (docs/api.md lists them all); what is not known or does not
// work is refused by name, never ignored silently, except hints that change nothing about the
// answer.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "api/error_table.h"
#include "api/json_body.h"
#include "api/openai/completion_fields.h"
#include "providers/provider.h"

namespace dure::api {

struct ChatRequestLimits : CompletionLimits {
  size_t max_messages = 8192;
  size_t max_tools = 256;
  size_t max_tool_bytes = 64 << 10;  // of one: name, description and parameters
  int max_top_logprobs = 20;
};

struct ChatBody {
  providers::ChatRequest request;
  bool stream = false;
  bool include_usage = false;
  bool functions = false;  // tools came by their older name, and calls are answered by it
};

/// Errors: invalid_json, missing_required_parameter, invalid_type, invalid_value,
/// unknown_parameter, unsupported_parameter, unsupported_value.
ApiResult<ChatBody> ParseChatBody(std::string_view body, const ChatRequestLimits& limits = {});

/// The same for a body that is an object already.
ApiResult<ChatBody> ReadChatBody(const Json& json, const ChatRequestLimits& limits);

/// The "messages" array. Errors as above.
ApiResult<std::vector<providers::ChatMessage>> ParseMessages(const Json& value,
                                                             const ChatRequestLimits& limits);

/// Every parameter that is not refused as unknown; docs/api.md describes each.
std::vector<std::string_view> KnownChatParameters();

}  // namespace dure::api
