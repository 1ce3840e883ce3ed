// The tools of the Messages API.
#include <string>
#include <utility>

#include "api/anthropic/messages_request.h"
#include "api/function_tools.h"
#include "api/json_fields.h"
#include "api/service.h"

namespace dure::api {

namespace {

using providers::Tool;
using providers::ToolChoice;

ApiResult<Tool> ReadTool(const Json& value, const std::string& path,
                         const ChatRequestLimits& limits) {
  if (!value.is_object()) return WrongType(path, "an object", value);
  if (DumpJson(value).size() > limits.max_tool_bytes) {
    return Refuse(
        "invalid_value",
        "'" + path + "' takes more than " + std::to_string(limits.max_tool_bytes) + " bytes", path);
  }
  const Json type = value.value("type", Json());
  if (!type.is_null() && type != "custom") {
    return Refuse("unsupported_value",
                  "only tools that the client runs are supported: '" + path +
                      ".type' must be \"custom\" or left out",
                  path + ".type");
  }
  // The last three change nothing about which calls are possible.
  if (auto known = RefuseOthers(value,
                                {"type", "name", "description", "input_schema", "strict",
                                 "cache_control", "eager_input_streaming", "input_examples"},
                                path);
      !known) {
    return tl::unexpected(known.error());
  }
  for (const char* required : {"name", "input_schema"}) {
    if (value.contains(required)) continue;
    const std::string param = path + "." + required;
    return Refuse("missing_required_parameter", "'" + param + "' is missing", param);
  }
  Tool tool;
  auto read = Keep(ReadFunctionName(value["name"], path + ".name"), tool.name);
  if (read) {
    read = Keep(ReadArgumentSchema(value["input_schema"], path + ".input_schema"), tool.parameters);
  }
  if (read && value.contains("description") && !value["description"].is_null()) {
    read = Keep(ReadString(value["description"], path + ".description"), tool.description);
  }
  if (read && value.contains("strict") && !value["strict"].is_null()) {
    read = Keep(ReadBool(value["strict"], path + ".strict"), tool.strict);
  }
  if (!read) return tl::unexpected(read.error());
  return tool;
}

}  // namespace

ApiResult<std::vector<Tool>> ReadAnthropicTools(const Json& value,
                                                const ChatRequestLimits& limits) {
  if (!value.is_array()) return WrongType("tools", "an array", value);
  if (value.size() > limits.max_tools) {
    return Refuse("invalid_value", "'tools' holds more than " + std::to_string(limits.max_tools),
                  "tools");
  }
  std::vector<Tool> tools;
  for (size_t i = 0; i < value.size(); ++i) {
    auto tool = ReadTool(value[i], "tools[" + std::to_string(i) + "]", limits);
    if (!tool) return tl::unexpected(tool.error());
    tools.push_back(std::move(*tool));
  }
  return tools;
}

ApiResult<void> ReadAnthropicToolChoice(const Json& value, providers::ChatRequest& request) {
  const std::string path = "tool_choice";
  if (!value.is_object()) return WrongType(path, "an object", value);
  const Json type = value.value("type", Json());
  const bool named = type == "tool";
  auto known = named ? RefuseOthers(value, {"type", "name", "disable_parallel_tool_use"}, path)
                     : RefuseOthers(value, {"type", "disable_parallel_tool_use"}, path);
  if (!known) return known;
  if (value.contains("disable_parallel_tool_use")) {
    const auto disabled =
        ReadBool(value["disable_parallel_tool_use"], path + ".disable_parallel_tool_use");
    if (!disabled) return tl::unexpected(disabled.error());
    request.parallel_tool_calls = !*disabled;
  }
  if (type == "auto") {
    request.tool_choice = ToolChoice::kAuto;
  } else if (type == "any") {
    request.tool_choice = ToolChoice::kRequired;
  } else if (type == "none") {
    request.tool_choice = ToolChoice::kNone;
  } else if (named) {
    request.tool_choice = ToolChoice::kNamed;
    return Keep(ReadFunctionName(value.value("name", Json()), path + ".name"), request.named_tool);
  } else {
    return Refuse("invalid_value", "'tool_choice.type' must be auto, any, tool or none",
                  path + ".type");
  }
  return {};
}

}  // namespace dure::api
