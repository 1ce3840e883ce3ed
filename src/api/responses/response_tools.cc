// The tools of the Responses API: functions, written flat.
#include <utility>

#include "api/function_tools.h"
#include "api/json_fields.h"
#include "api/responses/responses_request.h"
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
  if (type != "function") {
    return Refuse("unsupported_value",
                  "tools of type " + DumpJson(type) +
                      " are not supported: there are no built-in tools here, only functions that "
                      "the client runs",
                  path + ".type");
  }
  if (auto known =
          RefuseOthers(value, {"type", "name", "description", "parameters", "strict"}, path);
      !known) {
    return tl::unexpected(known.error());
  }
  Tool tool;
  auto read = Keep(ReadFunctionName(value.value("name", Json()), path + ".name"), tool.name);
  const auto is_given = [&](const char* name) {
    return read && value.contains(name) && !value[name].is_null();
  };
  if (is_given("description")) {
    read = Keep(ReadString(value["description"], path + ".description"), tool.description);
  }
  if (is_given("parameters")) {
    read = Keep(ReadArgumentSchema(value["parameters"], path + ".parameters"), tool.parameters);
  }
  if (is_given("strict")) read = Keep(ReadBool(value["strict"], path + ".strict"), tool.strict);
  if (!read) return tl::unexpected(read.error());
  return tool;
}

}  // namespace

ApiResult<std::vector<Tool>> ReadResponsesTools(const Json& value,
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

ApiResult<void> ReadResponsesToolChoice(const Json& value, providers::ChatRequest& request) {
  if (value == "auto") {
    request.tool_choice = ToolChoice::kAuto;
  } else if (value == "none") {
    request.tool_choice = ToolChoice::kNone;
  } else if (value == "required") {
    request.tool_choice = ToolChoice::kRequired;
  } else if (value.is_object() && value.value("type", Json()) == "function") {
    if (auto known = RefuseOthers(value, {"type", "name"}, "tool_choice"); !known) return known;
    request.tool_choice = ToolChoice::kNamed;
    return Keep(ReadFunctionName(value.value("name", Json()), "tool_choice.name"),
                request.named_tool);
  } else {
    return Refuse("unsupported_value",
                  "'tool_choice' must be \"none\", \"auto\", \"required\" or "
                  "{\"type\": \"function\", \"name\"}",
                  "tool_choice");
  }
  return {};
}

}  // namespace dure::api
