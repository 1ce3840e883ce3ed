// OpenAI's JSON shapes of a chat completion: the whole answer, and the chunks of a streamed one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/openai/completion_json.h"
#include "providers/provider.h"

namespace dure::api {

/// One choice of a whole answer.
struct ChoiceResult {
  std::string text;
  std::string reasoning;
  std::vector<providers::ToolCall> calls;
  std::vector<providers::TokenInfo> tokens;
  providers::FinishReason reason = providers::FinishReason::kStop;
};

/// functions: calls are answered by their older name, function_call.
Json CompletionJson(const CompletionIdentity& identity, const std::vector<ChoiceResult>& choices,
                    bool with_logprobs, bool functions, const providers::ChatUsage& usage);

/// A chunk with one choice. `delta`: {} or the keys to set. usage_null: say "usage": null, as
/// OpenAI does in all chunks but the last when usage is asked for.
Json ChunkJson(const CompletionIdentity& identity, int choice, Json delta, Json logprobs,
               std::optional<std::string_view> reason, bool usage_null);
/// OpenAI's name of it.
std::string_view ReasonName(providers::FinishReason reason, bool functions);
/// The chunk after the last choice's end: no choices, but the usage.
Json UsageChunkJson(const CompletionIdentity& identity, const providers::ChatUsage& usage);

/// {"content": [...], "refusal": null}; null when there are no tokens.
Json LogprobsJson(const std::vector<providers::TokenInfo>& tokens);

}  // namespace dure::api
