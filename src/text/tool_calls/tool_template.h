// What a model's chat template makes of tools, found out by showing it some.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "text/tokenizer.h"
#include "text/tool_calls/tool_format.h"

namespace dure::text {

struct ToolTemplate {
  const ToolFormat* format = &GenericToolFormat();  // how the model writes calls
  bool prints_tools = false;                        // of the request
  bool prints_calls = false;                        // of earlier answers, and their results
  bool takes_system = true;                         // messages of the role system
  // How it wants earlier calls, where it prints them.
  bool arguments_as_text = false;  // else as the value
  bool null_content = false;       // beside calls; else an empty string
  bool short_ids = false;          // of nine letters and digits
  std::optional<ReasoningMarks> reasoning;
};

using RenderFunction = std::function<Result<std::string>(const nlohmann::ordered_json& messages,
                                                         const nlohmann::ordered_json& tools)>;

/// render: with an opening for the answer at the end. source: of the template.
ToolTemplate InspectTemplate(const RenderFunction& render, std::string_view source,
                             const Tokenizer& tokenizer);

/// What a template is given.
struct ToolPrompt {
  nlohmann::ordered_json messages;
  nlohmann::ordered_json tools;  // null: none
};

/// Brings messages and tools (in OpenAI's shape: arguments as text) into the form that the template
/// understands. What it does not print itself is put into messages: the tools into the first one of
/// the system, calls into the assistant's, results into the user's.
ToolPrompt PrepareToolPrompt(nlohmann::ordered_json messages, nlohmann::ordered_json tools,
                             const ToolTemplate& use);

/// Whether a rendered prompt leaves the model in the middle of its thoughts.
bool BeginsReasoning(std::string_view prompt, const ReasoningMarks& marks);

}  // namespace dure::text
