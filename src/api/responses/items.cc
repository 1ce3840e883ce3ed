#include "api/responses/items.h"

#include <utility>

#include "api/function_tools.h"
#include "api/json_fields.h"
#include "api/service.h"

namespace dure::api {

namespace {

using providers::ChatMessage;
using providers::Role;

tl::unexpected<ApiError> Missing(const std::string& param) {
  return Refuse("missing_required_parameter", "'" + param + "' is missing", param);
}

ApiResult<std::string> StringMember(const Json& object, const char* name, const std::string& path) {
  const std::string param = path + "." + name;
  if (!object.contains(name)) return Missing(param);
  return ReadString(object[name], param);
}

/// An item's own id, or a new one.
ApiResult<std::string> IdOf(const Json& item, const std::string& path, const char* kind,
                            const IdMaker& new_id) {
  if (item.contains("id") && !item["id"].is_null()) return ReadString(item["id"], path + ".id");
  return kind + new_id();
}

/// One part of a message or of a function's output. The text's type is as it was given.
ApiResult<Json> ReadPart(const Json& part, const std::string& path) {
  if (!part.is_object()) return WrongType(path, "an object", part);
  const auto type = StringMember(part, "type", path);
  if (!type) return tl::unexpected(type.error());
  const bool given = *type == "input_text";
  if (!given && *type != "output_text" && *type != "refusal") {
    return Refuse(
        "unsupported_value",
        "content of type '" + *type + "' is not supported: the models here read text only",
        path + ".type");
  }
  // The last four are what answers carry.
  if (auto known = RefuseOthers(
          part, {"type", "text", "refusal", "annotations", "logprobs", "parsed"}, path);
      !known) {
    return tl::unexpected(known.error());
  }
  const char* member = *type == "refusal" ? "refusal" : "text";
  auto text = StringMember(part, member, path);
  if (!text) return tl::unexpected(text.error());
  if (given) return Json{{"type", "input_text"}, {"text", std::move(*text)}};
  return Json{{"type", "output_text"}, {"text", std::move(*text)}, {"annotations", Json::array()}};
}

ApiResult<Json> ReadParts(const Json& value, const std::string& path, bool of_assistant) {
  if (value.is_string()) {
    const char* type = of_assistant ? "output_text" : "input_text";
    Json part = {{"type", type}, {"text", value}};
    if (of_assistant) part["annotations"] = Json::array();
    return Json::array({std::move(part)});
  }
  if (!value.is_array()) return WrongType(path, "a string or an array of parts", value);
  Json parts = Json::array();
  for (size_t i = 0; i < value.size(); ++i) {
    auto part = ReadPart(value[i], path + "[" + std::to_string(i) + "]");
    if (!part) return part;
    parts.push_back(std::move(*part));
  }
  return parts;
}

ApiResult<Json> ReadMessage(const Json& item, const std::string& path, const IdMaker& new_id) {
  if (auto known = RefuseOthers(item, {"type", "id", "role", "content", "status", "phase"}, path);
      !known) {
    return tl::unexpected(known.error());
  }
  const auto role = StringMember(item, "role", path);
  if (!role) return tl::unexpected(role.error());
  if (*role != "user" && *role != "assistant" && *role != "system" && *role != "developer") {
    return Refuse("invalid_value",
                  "'" + path + ".role' must be user, assistant, system or developer",
                  path + ".role");
  }
  if (!item.contains("content")) return Missing(path + ".content");
  auto content = ReadParts(item["content"], path + ".content", *role == "assistant");
  if (!content) return content;
  auto id = IdOf(item, path, "msg_", new_id);
  if (!id) return tl::unexpected(id.error());
  return Json{{"id", std::move(*id)},
              {"type", "message"},
              {"status", "completed"},
              {"role", *role},
              {"content", std::move(*content)}};
}

ApiResult<Json> ReadFunctionCall(const Json& item, const std::string& path, const IdMaker& new_id) {
  if (auto known = RefuseOthers(item,
                                {"type", "id", "call_id", "name", "arguments", "status",
                                 "parsed_arguments", "caller", "namespace", "async"},
                                path);
      !known) {
    return tl::unexpected(known.error());
  }
  auto id = IdOf(item, path, "fc_", new_id);
  auto call_id = StringMember(item, "call_id", path);
  auto name = StringMember(item, "name", path);
  auto arguments = StringMember(item, "arguments", path);
  for (const auto* read : {&id, &call_id, &name, &arguments}) {
    if (!*read) return tl::unexpected(read->error());
  }
  return Json{{"id", std::move(*id)},     {"type", "function_call"},
              {"status", "completed"},    {"call_id", std::move(*call_id)},
              {"name", std::move(*name)}, {"arguments", std::move(*arguments)}};
}

ApiResult<Json> ReadFunctionOutput(const Json& item, const std::string& path,
                                   const IdMaker& new_id) {
  if (auto known = RefuseOthers(
          item, {"type", "id", "call_id", "output", "status", "name", "caller", "namespace"}, path);
      !known) {
    return tl::unexpected(known.error());
  }
  auto id = IdOf(item, path, "fco_", new_id);
  auto call_id = StringMember(item, "call_id", path);
  for (const auto* read : {&id, &call_id}) {
    if (!*read) return tl::unexpected(read->error());
  }
  if (!item.contains("output")) return Missing(path + ".output");
  Json output = item["output"];
  if (!output.is_string()) {
    auto parts = ReadParts(output, path + ".output", /*of_assistant=*/false);
    if (!parts) return parts;
    output = std::move(*parts);
  }
  return Json{{"id", std::move(*id)},
              {"type", "function_call_output"},
              {"status", "completed"},
              {"call_id", std::move(*call_id)},
              {"output", std::move(output)}};
}

ApiResult<Json> ReadReasoning(const Json& item, const std::string& path, const IdMaker& new_id) {
  if (auto known = RefuseOthers(
          item, {"type", "id", "summary", "content", "encrypted_content", "status"}, path);
      !known) {
    return tl::unexpected(known.error());
  }
  auto id = IdOf(item, path, "rs_", new_id);
  if (!id) return tl::unexpected(id.error());
  return Json{{"id", std::move(*id)},
              {"type", "reasoning"},
              {"summary", item.value("summary", Json::array())},
              {"content", item.value("content", Json::array())}};
}

ApiResult<Json> ReadItem(const Json& item, const std::string& path, const IdMaker& new_id) {
  if (!item.is_object()) return WrongType(path, "an object", item);
  const Json type = item.value("type", Json("message"));
  if (type == "message") return ReadMessage(item, path, new_id);
  if (type == "function_call") return ReadFunctionCall(item, path, new_id);
  if (type == "function_call_output") return ReadFunctionOutput(item, path, new_id);
  if (type == "reasoning") return ReadReasoning(item, path, new_id);
  return Refuse("unsupported_value",
                "items of type " + DumpJson(type) +
                    " are not supported: message, function_call, function_call_output and "
                    "reasoning are",
                path + ".type");
}

std::string TextOf(const Json& parts) {
  if (parts.is_string()) return parts.get<std::string>();
  std::string text;
  for (const Json& part : parts) {
    if (!text.empty()) text += '\n';
    text += part.value("text", "");
  }
  return text;
}

Role RoleOf(const std::string& name) {
  if (name == "assistant") return Role::kAssistant;
  if (name == "system") return Role::kSystem;
  if (name == "developer") return Role::kDeveloper;
  return Role::kUser;
}

/// Templates want turns: what the assistant says and calls in a row is one, and so are
/// instructions in a row.
ChatMessage& MessageOf(Role role, std::vector<ChatMessage>& messages) {
  const bool joins = role == Role::kAssistant || role == Role::kSystem || role == Role::kDeveloper;
  if (!joins || messages.empty() || messages.back().role != role) {
    ChatMessage message;
    message.role = role;
    messages.push_back(std::move(message));
  }
  return messages.back();
}

}  // namespace

ApiResult<Json> ReadInput(const Json& value, size_t most_items, const IdMaker& new_id) {
  const Json list =
      value.is_string() ? Json::array({Json{{"role", "user"}, {"content", value}}}) : value;
  if (!list.is_array()) return WrongType("input", "a string or an array of items", value);
  if (list.empty() || list.size() > most_items) {
    return Refuse("invalid_value",
                  "'input' must hold 1 to " + std::to_string(most_items) + " items", "input");
  }
  Json items = Json::array();
  for (size_t i = 0; i < list.size(); ++i) {
    auto item = ReadItem(list[i], "input[" + std::to_string(i) + "]", new_id);
    if (!item) return item;
    items.push_back(std::move(*item));
  }
  return items;
}

void AppendItem(const Json& item, std::vector<ChatMessage>& messages) {
  const std::string type = item.value("type", "");
  if (type == "message") {
    ChatMessage& message = MessageOf(RoleOf(item.value("role", "")), messages);
    if (!message.content.empty()) message.content += '\n';
    message.content += TextOf(item["content"]);
  } else if (type == "function_call") {
    MessageOf(Role::kAssistant, messages)
        .tool_calls.push_back(
            {item.value("call_id", ""), item.value("name", ""), item.value("arguments", "")});
  } else if (type == "function_call_output") {
    ChatMessage message;
    message.role = Role::kTool;
    message.tool_call_id = item.value("call_id", "");
    message.content = TextOf(item["output"]);
    messages.push_back(std::move(message));
  }
}

}  // namespace dure::api
