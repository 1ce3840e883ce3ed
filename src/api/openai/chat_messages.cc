// The messages of a chat request.
#include <array>
#include <string>

#include "api/json_fields.h"
#include "api/openai/chat_request.h"

namespace dure::api {

namespace {

using providers::ChatMessage;
using providers::Role;

// What clients copy from an answer back into the next request, and what says nothing to a model.
constexpr std::array<std::string_view, 5> kIgnoredFields = {"refusal", "annotations", "audio",
                                                            "reasoning_content", "reasoning"};

ApiResult<Role> ParseRole(const Json& message, const std::string& path) {
  if (!message.contains("role")) {
    return Refuse("missing_required_parameter", "'" + path + ".role' is missing", path + ".role");
  }
  auto name = ReadString(message["role"], path + ".role");
  if (!name) return tl::unexpected(name.error());
  if (*name == "system") return Role::kSystem;
  if (*name == "developer") return Role::kDeveloper;
  if (*name == "user") return Role::kUser;
  if (*name == "assistant") return Role::kAssistant;
  if (*name == "tool" || *name == "function") return Role::kTool;  // the latter is the older name
  return Refuse("invalid_value",
                "'" + path + ".role' must be system, developer, user, assistant or tool",
                path + ".role");
}

ApiResult<std::string> ParsePart(const Json& part, const std::string& path) {
  if (!part.is_object()) return WrongType(path, "an object", part);
  const std::string type_path = path + ".type";
  if (!part.contains("type")) {
    return Refuse("missing_required_parameter", "'" + type_path + "' is missing", type_path);
  }
  auto type = ReadString(part["type"], type_path);
  if (!type) return tl::unexpected(type.error());
  if (*type == "text" || *type == "refusal") {
    if (!part.contains(*type)) {
      return Refuse("missing_required_parameter", "'" + path + "." + *type + "' is missing",
                    path + "." + *type);
    }
    return ReadString(part[*type], path + "." + *type);
  }
  if (*type == "image_url" || *type == "input_audio" || *type == "file") {
    return Refuse(
        "unsupported_value",
        "content parts of type '" + *type + "' are not supported: the models here read text only",
        type_path);
  }
  return Refuse("invalid_value", "'" + type_path + "' must be text", type_path);
}

ApiResult<std::string> ParseContent(const Json& content, const std::string& path) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) return WrongType(path, "a string or an array of parts", content);
  std::string text;
  for (size_t i = 0; i < content.size(); ++i) {
    auto part = ParsePart(content[i], path + "[" + std::to_string(i) + "]");
    if (!part) return part;
    if (i > 0) text += '\n';
    text += *part;
  }
  return text;
}

ApiResult<std::vector<providers::ToolCall>> ParseToolCalls(const Json& calls,
                                                           const std::string& path) {
  if (!calls.is_array()) return WrongType(path, "an array", calls);
  std::vector<providers::ToolCall> out;
  for (size_t i = 0; i < calls.size(); ++i) {
    const std::string call_path = path + "[" + std::to_string(i) + "]";
    const Json& call = calls[i];
    if (!call.is_object()) return WrongType(call_path, "an object", call);
    const Json function = call.value("function", Json());
    if (!function.is_object()) return WrongType(call_path + ".function", "an object", function);
    auto id = ReadString(call.value("id", Json("")), call_path + ".id");
    if (!id) return tl::unexpected(id.error());
    auto name = ReadString(function.value("name", Json()), call_path + ".function.name");
    if (!name) return tl::unexpected(name.error());
    auto arguments =
        ReadString(function.value("arguments", Json()), call_path + ".function.arguments");
    if (!arguments) return tl::unexpected(arguments.error());
    out.push_back({std::move(*id), std::move(*name), std::move(*arguments)});
  }
  return out;
}

/// An assistant's only call, in the older form.
ApiResult<std::vector<providers::ToolCall>> ParseFunctionCallMade(const Json& call,
                                                                  const std::string& path) {
  if (!call.is_object()) return WrongType(path, "an object", call);
  auto name = ReadString(call.value("name", Json()), path + ".name");
  if (!name) return tl::unexpected(name.error());
  auto arguments = ReadString(call.value("arguments", Json()), path + ".arguments");
  if (!arguments) return tl::unexpected(arguments.error());
  return std::vector<providers::ToolCall>{{*name, *name, std::move(*arguments)}};
}

// One field beside role. Sets what it holds in `message`.
ApiResult<void> ParseField(const std::string& name, const Json& value, const std::string& path,
                           ChatMessage& message) {
  const auto keep = [](auto result, auto& into) -> ApiResult<void> {
    if (!result) return tl::unexpected(result.error());
    into = std::move(*result);
    return {};
  };
  if (value.is_null()) return {};
  if (name == "content") return keep(ParseContent(value, path), message.content);
  if (name == "name") return keep(ReadString(value, path), message.name);
  if (name == "tool_calls" && message.role == Role::kAssistant) {
    return keep(ParseToolCalls(value, path), message.tool_calls);
  }
  if (name == "function_call" && message.role == Role::kAssistant) {
    return keep(ParseFunctionCallMade(value, path), message.tool_calls);
  }
  if (name == "tool_call_id" && message.role == Role::kTool) {
    return keep(ReadString(value, path), message.tool_call_id);
  }
  for (const std::string_view ignored : kIgnoredFields) {
    if (name == ignored) return {};
  }
  return Refuse("unknown_parameter", "unknown parameter '" + path + "'", path);
}

ApiResult<ChatMessage> ParseMessage(const Json& value, const std::string& path) {
  if (!value.is_object()) return WrongType(path, "an object", value);
  ChatMessage message;
  auto role = ParseRole(value, path);
  if (!role) return tl::unexpected(role.error());
  message.role = *role;
  for (const auto& [name, field] : value.items()) {
    if (name == "role") continue;
    if (auto read = ParseField(name, field, path + "." + name, message); !read) {
      return tl::unexpected(read.error());
    }
  }
  // Functions' results are told apart by name.
  if (value["role"] == "function") message.tool_call_id = message.name;
  const bool has_content = value.contains("content") && !value["content"].is_null();
  if (!has_content && !(message.role == Role::kAssistant && !message.tool_calls.empty())) {
    return Refuse("missing_required_parameter", "'" + path + ".content' is missing",
                  path + ".content");
  }
  return message;
}

}  // namespace

ApiResult<std::vector<ChatMessage>> ParseMessages(const Json& value,
                                                  const ChatRequestLimits& limits) {
  if (!value.is_array()) return WrongType("messages", "an array", value);
  if (value.empty()) {
    return Refuse("invalid_value", "'messages' must hold at least one message", "messages");
  }
  if (value.size() > limits.max_messages) {
    return Refuse("invalid_value",
                  "'messages' holds more than " + std::to_string(limits.max_messages) + " messages",
                  "messages");
  }
  std::vector<ChatMessage> messages;
  messages.reserve(value.size());
  for (size_t i = 0; i < value.size(); ++i) {
    auto message = ParseMessage(value[i], "messages[" + std::to_string(i) + "]");
    if (!message) return tl::unexpected(message.error());
    messages.push_back(std::move(*message));
  }
  return messages;
}

}  // namespace dure::api
