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

// Templates print arguments with tojson: they want the value, not its text.
Json ParsedArguments(const std::string& arguments) {
  Json parsed = Json::parse(arguments, nullptr, /*allow_exceptions=*/false);
  return parsed.is_object() ? parsed : Json(arguments);
}

Json TemplateMessage(const ChatMessage& message) {
  Json out = {{"role", RoleName(message.role)}, {"content", message.content}};
  if (!message.name.empty()) out["name"] = message.name;
  if (!message.tool_call_id.empty()) out["tool_call_id"] = message.tool_call_id;
  for (const ToolCall& call : message.tool_calls) {
    out["tool_calls"].push_back(
        {{"id", call.id},
         {"type", "function"},
         {"function", {{"name", call.name}, {"arguments", ParsedArguments(call.arguments)}}}});
  }
  return out;
}

// Whatever a template complains about is the chat it was given, not one parameter.
Error TemplateError(const Error& error) {
  if (error.code != ErrorCode::kInvalidArgument) return error;
  return {ErrorCode::kUnsupported, "the model's chat template refuses this chat: " + error.message};
}

}  // namespace

Result<text::RenderedPrompt> RenderChat(const ChatFormat& format, const ChatRequest& request,
                                        bool add_generation_prompt, int64_t unix_time) {
  ChatInput chat;
  for (const ChatMessage& message : request.messages) {
    chat.messages.push_back(TemplateMessage(message));
  }
  if (!request.tools.empty() && request.tool_choice != ToolChoice::kNone) {
    return Fail(ErrorCode::kUnsupported, "tools are not supported by this model");
  }
  chat.add_generation_prompt = add_generation_prompt;
  chat.template_arguments = request.template_arguments;
  chat.unix_time = unix_time;
  auto prompt = format.Render(chat);
  if (!prompt) return tl::unexpected(TemplateError(prompt.error()));
  return prompt;
}

}  // namespace dure::providers
