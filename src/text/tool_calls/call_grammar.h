// Decoding held to the spelling of tool calls: what comes before a call is free, a call that has
// begun is a valid one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "text/grammar/constraint.h"
#include "text/tokenizer.h"
#include "text/tool_calls/tool_format.h"

namespace dure::text {

struct CallGrammarOptions {
  struct Tool {
    std::string name;
    std::shared_ptr<const Grammar> arguments;  // of Grammar::FromJsonSchema
  };
  const ToolFormat* format = nullptr;  // null: no calls, only `answer`
  std::vector<Tool> tools;
  bool required = false;  // the answer is calls and nothing else
  bool parallel = true;   // several calls
  int most_calls = 16;    // then the answer must end
  std::optional<ReasoningMarks> reasoning;
  bool reasoning_begun = false;  // the prompt ends with the opening mark
  // A document that the answer is where it is no call (not with `required`); null: free text.
  std::shared_ptr<const Grammar> answer;
};

/// Errors: kInvalidArgument (a tool's arguments cannot be an object), kUnsupported (`answer` beside
/// a format whose calls are told from it by nothing).
Result<std::shared_ptr<const Grammar>> MakeCallGrammar(
    const CallGrammarOptions& options, const Tokenizer& tokenizer,
    std::shared_ptr<const TokenVocabulary> vocabulary);

/// The control tokens that a format's spelling or the marks of reasoning use: an answer's text must
/// show them.
std::vector<TokenId> MarkTokens(const ToolFormat* format,
                                const std::optional<ReasoningMarks>& reasoning,
                                const Tokenizer& tokenizer);

}  // namespace dure::text
