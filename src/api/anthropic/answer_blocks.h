// An answer as Anthropic's blocks of content: what was thought, said and called, in order.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "api/error_table.h"
#include "api/json_body.h"
#include "providers/provider.h"

namespace dure::api {

struct AnswerBlock {
  enum class Kind { kThinking, kText, kToolUse };

  Kind kind = Kind::kText;
  int call = 0;  // index of the tool call, with kToolUse
  std::string id;
  std::string name;
  std::string text;  // with kToolUse the arguments
};

/// Sorts a delta's parts into blocks, appending to the last where it goes on.
void AppendToBlocks(providers::ChatDelta& delta, std::vector<AnswerBlock>& blocks);

/// A block as it begins in a stream: without its text.
Json BlockStartJson(const AnswerBlock& block);
/// The delta that adds the block's text.
Json BlockDeltaJson(const AnswerBlock& block);
/// The blocks of a whole answer. A call that the end cut off is left out. Errors: internal_error
/// (arguments that are no JSON object).
ApiResult<Json> ContentJson(const std::vector<AnswerBlock>& blocks, providers::FinishReason reason);

/// {"stop_reason", "stop_sequence"}.
Json StopJson(const providers::ChoiceEnd& end, const providers::ChatUsage& usage, int max_tokens);
Json AnthropicUsageJson(const providers::ChatUsage& usage);

}  // namespace dure::api
