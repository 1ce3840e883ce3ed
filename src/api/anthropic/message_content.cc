// The messages of the Messages API and their blocks of content.
#include <string>
#include <utility>

#include "api/anthropic/messages_request.h"
#include "api/function_tools.h"
#include "api/json_fields.h"
#include "api/service.h"

namespace dure::api {

namespace {

using providers::ChatMessage;
using providers::Role;
using Messages = std::vector<ChatMessage>;
using Status = ApiResult<void>;

ApiResult<Json> Member(const Json& object, const char* name, const std::string& path) {
  if (object.contains(name)) return object[name];
  const std::string param = path + "." + name;
  return Refuse("missing_required_parameter", "'" + param + "' is missing", param);
}

ApiResult<std::string> StringMember(const Json& object, const char* name, const std::string& path) {
  auto value = Member(object, name, path);
  if (!value) return tl::unexpected(value.error());
  return ReadString(*value, path + "." + name);
}

ApiResult<std::string> ReadType(const Json& block, const std::string& path) {
  if (!block.is_object()) return WrongType(path, "an object", block);
  return StringMember(block, "type", path);
}

tl::unexpected<ApiError> RefuseBlock(const std::string& type, const std::string& path) {
  constexpr std::string_view kMedia[] = {"image", "document", "search_result", "container_upload"};
  for (const std::string_view known : kMedia) {
    if (type != known) continue;
    return Refuse("unsupported_value",
                  "blocks of type '" + type + "' are not supported: the models here read text only",
                  path + ".type");
  }
  return Refuse("unsupported_value", "blocks of type '" + type + "' are not supported here",
                path + ".type");
}

ApiResult<std::string> ReadTextBlock(const Json& block, const std::string& path) {
  // Where a cache may begin, and what was cited, changes nothing about an answer here.
  if (auto known = RefuseOthers(block, {"type", "text", "cache_control", "citations"}, path);
      !known) {
    return tl::unexpected(known.error());
  }
  return StringMember(block, "text", path);
}

void Join(std::string& text, const std::string& more) {
  if (!text.empty() && !more.empty()) text += '\n';
  text += more;
}

/// Appends to the message before where that is the same role's.
ChatMessage& MessageOf(Role role, Messages& out) {
  if (out.empty() || out.back().role != role) {
    ChatMessage message;
    message.role = role;
    out.push_back(std::move(message));
  }
  return out.back();
}

Status ReadToolUse(const Json& block, const std::string& path, Messages& out) {
  if (auto known =
          RefuseOthers(block, {"type", "id", "name", "input", "cache_control", "caller"}, path);
      !known) {
    return known;
  }
  providers::ToolCall call;
  if (auto id = Keep(StringMember(block, "id", path), call.id); !id) return id;
  if (auto name = Keep(StringMember(block, "name", path), call.name); !name) return name;
  const auto input = Member(block, "input", path);
  if (!input) return tl::unexpected(input.error());
  if (!input->is_object()) return WrongType(path + ".input", "an object", *input);
  call.arguments = DumpJson(*input);
  MessageOf(Role::kAssistant, out).tool_calls.push_back(std::move(call));
  return {};
}

Status ReadToolResult(const Json& block, const std::string& path, Messages& out) {
  if (auto known = RefuseOthers(
          block, {"type", "tool_use_id", "content", "is_error", "cache_control"}, path);
      !known) {
    return known;
  }
  ChatMessage message;
  message.role = Role::kTool;
  if (auto id = Keep(StringMember(block, "tool_use_id", path), message.tool_call_id); !id) {
    return id;
  }
  if (block.contains("content") && !block["content"].is_null()) {
    if (auto text = Keep(ReadTextBlocks(block["content"], path + ".content"), message.content);
        !text) {
      return text;
    }
  }
  if (block.contains("is_error")) {
    const auto failed = ReadBool(block["is_error"], path + ".is_error");
    if (!failed) return tl::unexpected(failed.error());
    // Chat templates have no other place for it.
    if (*failed) message.content = "Error: " + message.content;
  }
  out.push_back(std::move(message));
  return {};
}

Status ReadBlock(const Json& block, const std::string& path, Role role, Messages& out) {
  const auto type = ReadType(block, path);
  if (!type) return tl::unexpected(type.error());
  if (*type == "text") {
    const auto text = ReadTextBlock(block, path);
    if (!text) return tl::unexpected(text.error());
    Join(MessageOf(role, out).content, *text);
    return {};
  }
  if (role == Role::kUser && *type == "tool_result") return ReadToolResult(block, path, out);
  if (role == Role::kAssistant && *type == "tool_use") return ReadToolUse(block, path, out);
  if (role == Role::kAssistant && (*type == "thinking" || *type == "redacted_thinking")) {
    (void)MessageOf(role, out);  // templates leave out what was thought in earlier turns
    return {};
  }
  return RefuseBlock(*type, path);
}

ApiResult<Role> ReadRole(const Json& message, const std::string& path) {
  const auto name = StringMember(message, "role", path);
  if (!name) return tl::unexpected(name.error());
  if (*name == "user") return Role::kUser;
  if (*name == "assistant") return Role::kAssistant;
  if (*name == "system") return Role::kSystem;
  return Refuse("invalid_value", "'" + path + ".role' must be user, assistant or system",
                path + ".role");
}

Status ReadMessage(const Json& message, const std::string& path, Messages& out) {
  if (!message.is_object()) return WrongType(path, "an object", message);
  if (auto known = RefuseOthers(message, {"role", "content"}, path); !known) return known;
  const auto role = ReadRole(message, path);
  if (!role) return tl::unexpected(role.error());
  const auto content = Member(message, "content", path);
  if (!content) return tl::unexpected(content.error());
  const std::string inner = path + ".content";
  if (content->is_string()) {
    Join(MessageOf(*role, out).content, content->get<std::string>());
    return {};
  }
  if (!content->is_array()) return WrongType(inner, "a string or an array of blocks", *content);
  for (size_t i = 0; i < content->size(); ++i) {
    const std::string block_path = inner + "[" + std::to_string(i) + "]";
    if (auto read = ReadBlock((*content)[i], block_path, *role, out); !read) return read;
  }
  return {};
}

}  // namespace

ApiResult<std::string> ReadTextBlocks(const Json& value, const std::string& path) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return WrongType(path, "a string or an array of text blocks", value);
  std::string text;
  for (size_t i = 0; i < value.size(); ++i) {
    const std::string block_path = path + "[" + std::to_string(i) + "]";
    const auto type = ReadType(value[i], block_path);
    if (!type) return tl::unexpected(type.error());
    if (*type != "text") return RefuseBlock(*type, block_path);
    const auto block = ReadTextBlock(value[i], block_path);
    if (!block) return block;
    Join(text, *block);
  }
  return text;
}

ApiResult<Messages> ReadAnthropicMessages(const Json& value, const ChatRequestLimits& limits) {
  if (!value.is_array()) return WrongType("messages", "an array", value);
  if (value.empty() || value.size() > limits.max_messages) {
    return Refuse("invalid_value",
                  "'messages' must hold 1 to " + std::to_string(limits.max_messages) + " messages",
                  "messages");
  }
  Messages out;
  for (size_t i = 0; i < value.size(); ++i) {
    auto read = ReadMessage(value[i], "messages[" + std::to_string(i) + "]", out);
    if (!read) return tl::unexpected(read.error());
  }
  if (out.empty()) return Refuse("invalid_value", "'messages' say nothing", "messages");
  return out;
}

}  // namespace dure::api
