#include "providers/chat_prompt.h"

#include <string_view>
#include <utility>

namespace dure::providers {
namespace {

std::string_view RoleName(Role role) {
  switch (role) {
    case Role::kSystem:
    case Role::kDeveloper:  // OpenAI's newer name for it; open models' templates know only this one
      return "system";
    case Role::kUser:
      return "user";
    case Role::kAssistant:
      return "assistant";
    case Role::kTool:
      return "tool";
  }
  return "user";
}

Json TemplateMessage(const ChatMessage& message) {
  Json out = {{"role", RoleName(message.role)}, {"content", message.content}};
  if (!message.name.empty()) out["name"] = message.name;
  if (!message.tool_call_id.empty()) out["tool_call_id"] = message.tool_call_id;
  for (const ToolCall& call : message.tool_calls) {
    out["tool_calls"].push_back(
        {{"id", call.id},
         {"type", "function"},
         {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
  }
  return out;
}

Json TemplateTool(const Tool& tool) {
  Json parameters = tool.parameters;
  if (parameters.is_null()) parameters = {{"type", "object"}, {"properties", Json::object()}};
  return {{"type", "function"},
          {"function",
           {{"name", tool.name},
            {"description", tool.description},
            {"parameters", std::move(parameters)}}}};
}

/// The variables by which templates are told how much to think. The request's own come first.
Json TemplateArguments(const ChatRequest& request) {
  Json arguments = request.template_arguments;
  if (request.reasoning_effort.empty()) return arguments;
  const bool thinks = request.reasoning_effort != "none";
  for (const char* name : {"enable_thinking", "thinking"}) {
    if (!arguments.contains(name)) arguments[name] = thinks;
  }
  if (thinks && !arguments.contains("reasoning_effort")) {
    arguments["reasoning_effort"] = request.reasoning_effort;
  }
  return arguments;
}

// Whatever a template complains about is the chat it was given, not one parameter.
Error TemplateError(const Error& error) {
  if (error.code != ErrorCode::kInvalidArgument) return error;
  return {ErrorCode::kUnsupported, "the model's chat template refuses this chat: " + error.message};
}

}  // namespace

Result<text::RenderedPrompt> RenderChat(const ChatFormat& format, const ChatRequest& request,
                                        bool add_generation_prompt, int64_t unix_time) {
  Json messages = Json::array();
  for (const ChatMessage& message : request.messages) messages.push_back(TemplateMessage(message));
  Json tools = Json::array();
  if (request.tool_choice != ToolChoice::kNone) {
    for (const Tool& tool : request.tools) tools.push_back(TemplateTool(tool));
  }
  text::ToolPrompt prepared =
      text::PrepareToolPrompt(std::move(messages), std::move(tools), format.tool_template());
  ChatInput chat;
  chat.messages = std::move(prepared.messages);
  chat.tools = std::move(prepared.tools);
  chat.add_generation_prompt = add_generation_prompt;
  chat.template_arguments = TemplateArguments(request);
  chat.unix_time = unix_time;
  auto prompt = format.Render(chat);
  if (!prompt) return tl::unexpected(TemplateError(prompt.error()));
  return prompt;
}

}  // namespace dure::providers
