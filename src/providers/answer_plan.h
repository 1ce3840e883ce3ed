// How one chat's answer is decoded and read: what constrains it, and what its text is taken apart
// into. Private to providers/.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "providers/local_model.h"
#include "providers/provider.h"
#include "text/tool_calls/answer_parser.h"

namespace dure::providers {

struct AnswerPlan {
  text::AnswerFormat format;
  std::shared_ptr<const text::Grammar> grammar;  // null: everything may come
  std::vector<text::TokenId> shown_tokens;
};

/// prompt: rendered, up to where the answer begins. Errors: kInvalidArgument (a schema; the message
/// begins with the parameter's name).
Result<AnswerPlan> PlanAnswer(LocalModel& model, const ChatRequest& request,
                              std::string_view prompt);

}  // namespace dure::providers
