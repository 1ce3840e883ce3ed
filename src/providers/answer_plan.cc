#include "providers/answer_plan.h"

#include <string>
#include <utility>

#include "text/tool_calls/call_grammar.h"

namespace dure::providers {
namespace {

using GrammarResult = Result<std::shared_ptr<const text::Grammar>>;

constexpr char kAnyObject[] = R"({"type":"object"})";

Error Named(const std::string& parameter, const Error& error) {
  return {ErrorCode::kInvalidArgument, parameter + ": " + error.message};
}

/// What a tool's arguments are held to. Where the model calls of its own accord and the tool is not
/// strict, a schema that is not understood in full still leaves an object.
GrammarResult ArgumentsOf(LocalModel& model, const Tool& tool, bool binding) {
  if (tool.parameters.is_null()) {
    return model.GrammarFor(R"({"type":"object","additionalProperties":false})");
  }
  auto grammar = model.GrammarFor(tool.parameters.dump());
  return grammar || binding ? grammar : model.GrammarFor(kAnyObject);
}

/// Everything that tells one request's grammar from another's; never a schema's text.
std::string KeyOf(const text::CallGrammarOptions& options, const std::vector<const Tool*>& tools,
                  const ChatRequest& request) {
  Json key = {options.required, options.parallel, options.reasoning.has_value(),
              options.reasoning_begun};
  for (const Tool* tool : tools) key.push_back({tool->name, tool->strict, tool->parameters});
  key.push_back(request.json_schema ? Json(*request.json_schema) : Json());
  return "calls " + key.dump();
}

/// The tools that the model may call in this answer.
std::vector<const Tool*> OfferedTools(const ChatRequest& request) {
  std::vector<const Tool*> tools;
  if (request.tool_choice == ToolChoice::kNone) return tools;
  for (const Tool& tool : request.tools) {
    if (request.tool_choice != ToolChoice::kNamed || tool.name == request.named_tool) {
      tools.push_back(&tool);
    }
  }
  return tools;
}

}  // namespace

Result<AnswerPlan> PlanAnswer(LocalModel& model, const ChatRequest& request,
                              std::string_view prompt) {
  const text::ToolTemplate& use = model.format().tool_template();
  const std::vector<const Tool*> tools = OfferedTools(request);
  AnswerPlan plan;
  if (!tools.empty()) plan.format.tools = use.format;
  for (const Tool* tool : tools) plan.format.names.push_back(tool->name);
  plan.format.reasoning = use.reasoning;
  plan.format.reasoning_begun = use.reasoning && BeginsReasoning(prompt, *use.reasoning);
  plan.shown_tokens =
      text::MarkTokens(plan.format.tools, use.reasoning, model.format().tokenizer());

  text::CallGrammarOptions options;
  if (request.json_schema) {
    auto answer = model.GrammarFor(*request.json_schema);
    if (!answer) return tl::unexpected(Named("response_format", answer.error()));
    options.answer = *std::move(answer);
  }
  if (tools.empty() && !use.reasoning) {
    plan.grammar = options.answer;
    return plan;
  }
  if (tools.empty() && options.answer == nullptr) return plan;
  options.format = plan.format.tools;
  options.required = !tools.empty() && request.tool_choice != ToolChoice::kAuto;
  if (options.required) options.answer = nullptr;
  options.parallel = request.parallel_tool_calls && request.tool_choice != ToolChoice::kNamed;
  options.reasoning = use.reasoning;
  options.reasoning_begun = plan.format.reasoning_begun;
  for (const Tool* tool : tools) {
    auto arguments = ArgumentsOf(model, *tool, options.required || tool->strict);
    if (!arguments) {
      return tl::unexpected(Named(
          "tools", {{}, "the parameters of '" + tool->name + "': " + arguments.error().message}));
    }
    options.tools.push_back({tool->name, *std::move(arguments)});
  }
  auto grammar = model.GrammarFor(
      KeyOf(options, tools, request), [&](std::shared_ptr<const text::TokenVocabulary> vocabulary) {
        return text::MakeCallGrammar(options, model.format().tokenizer(), std::move(vocabulary));
      });
  if (!grammar) return tl::unexpected(Named("tools", grammar.error()));
  plan.grammar = *std::move(grammar);
  return plan;
}

}  // namespace dure::providers
