// POST /v1/messages and /v1/messages/count_tokens: the JSON body of Anthropic's Messages API as a
// checked providers::ChatRequest. What is not known or does not work is refused by name
// (docs/api.md lists what is there).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/error_table.h"
#include "api/json_body.h"
#include "api/openai/chat_request.h"
#include "providers/provider.h"

namespace dure::api {

struct MessagesBody {
  providers::ChatRequest request;
  bool stream = false;
};

/// kCount: only what the prompt is made of may be there.
enum class MessagesPurpose { kAnswer, kCount };

/// Errors: invalid_json, missing_required_parameter, invalid_type, invalid_value,
/// unknown_parameter, unsupported_parameter, unsupported_value.
ApiResult<MessagesBody> ParseMessagesBody(std::string_view body, MessagesPurpose purpose,
                                          const ChatRequestLimits& limits = {});

/// Every parameter that is not refused as unknown; docs/api.md describes each.
std::vector<std::string_view> KnownMessagesParameters();

// Parts of it, in files of their own.

/// The text of `system` or of a message: a string, or text blocks joined by line ends.
ApiResult<std::string> ReadTextBlocks(const Json& value, const std::string& path);
/// The `messages`: a tool_result becomes a message of its own; turns of one role that follow each
/// other become one.
ApiResult<std::vector<providers::ChatMessage>> ReadAnthropicMessages(
    const Json& value, const ChatRequestLimits& limits);
ApiResult<std::vector<providers::Tool>> ReadAnthropicTools(const Json& value,
                                                           const ChatRequestLimits& limits);
/// Sets tool_choice, named_tool and parallel_tool_calls.
ApiResult<void> ReadAnthropicToolChoice(const Json& value, providers::ChatRequest& request);

}  // namespace dure::api
