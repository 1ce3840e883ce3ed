#include "api/openai/chat_tools.h"

#include <utility>

#include "api/function_tools.h"
#include "api/json_fields.h"
#include "api/service.h"

namespace dure::api {
namespace {

using providers::Tool;
using providers::ToolChoice;

ApiResult<std::string> ReadName(const Json& object, const std::string& path) {
  const std::string param = path + ".name";
  if (object.contains("name")) return ReadFunctionName(object["name"], param);
  return Refuse("missing_required_parameter", "'" + param + "' is missing", param);
}

ApiResult<void> ReadToolField(const std::string& key, const Json& value, const std::string& path,
                              Tool& tool) {
  if (value.is_null()) return {};
  if (key == "description") return Keep(ReadString(value, path), tool.description);
  if (key == "strict") return Keep(ReadBool(value, path), tool.strict);
  // OpenAI takes {} for a function without parameters.
  if (key == "parameters" && value != Json::object()) {
    return Keep(ReadArgumentSchema(value, path), tool.parameters);
  }
  return {};
}

ApiResult<Tool> ParseFunction(const Json& value, const std::string& path,
                              const ChatRequestLimits& limits) {
  if (!value.is_object()) return WrongType(path, "an object", value);
  Tool tool;
  if (auto name = Keep(ReadName(value, path), tool.name); !name) {
    return tl::unexpected(name.error());
  }
  if (auto others = RefuseOthers(value, {"name", "description", "parameters", "strict"}, path);
      !others) {
    return tl::unexpected(others.error());
  }
  for (const auto& [key, field] : value.items()) {
    if (auto read = ReadToolField(key, field, path + "." + key, tool); !read) {
      return tl::unexpected(read.error());
    }
  }
  if (DumpJson(value).size() > limits.max_tool_bytes) {
    return Refuse(
        "invalid_value",
        "'" + path + "' takes more than " + std::to_string(limits.max_tool_bytes) + " bytes", path);
  }
  return tool;
}

/// The function of {"type": "function", "function": {...}}.
ApiResult<Json> FunctionOf(const Json& value, const std::string& path) {
  if (!value.is_object()) return WrongType(path, "an object", value);
  if (auto others = RefuseOthers(value, {"type", "function"}, path); !others) {
    return tl::unexpected(others.error());
  }
  for (const char* key : {"type", "function"}) {
    if (value.contains(key)) continue;
    const std::string param = path + "." + key;
    return Refuse("missing_required_parameter", "'" + param + "' is missing", param);
  }
  if (value["type"] == "function") return value["function"];
  return Refuse("unsupported_value", "'" + path + ".type' must be \"function\"", path + ".type");
}

ApiResult<void> ReadWord(const Json& value, const std::string& param,
                         providers::ChatRequest& request, bool required_too) {
  if (value == "none") {
    request.tool_choice = ToolChoice::kNone;
  } else if (value == "auto") {
    request.tool_choice = ToolChoice::kAuto;
  } else if (value == "required" && required_too) {
    request.tool_choice = ToolChoice::kRequired;
  } else {
    return Refuse("unsupported_value",
                  "'" + param + "' must be \"none\", \"auto\"" +
                      (required_too ? ", \"required\"" : "") +
                      " or an object that names a function",
                  param);
  }
  return {};
}

ApiResult<void> ReadNamed(const Json& function, const std::string& path,
                          providers::ChatRequest& request) {
  if (!function.is_object()) return WrongType(path, "an object", function);
  request.tool_choice = ToolChoice::kNamed;
  return Keep(ReadName(function, path), request.named_tool);
}

}  // namespace

ApiResult<std::vector<Tool>> ParseTools(const Json& value, const std::string& param, bool functions,
                                        const ChatRequestLimits& limits) {
  if (!value.is_array()) return WrongType(param, "an array", value);
  if (value.size() > limits.max_tools) {
    return Refuse("invalid_value",
                  "'" + param + "' holds more than " + std::to_string(limits.max_tools), param);
  }
  std::vector<Tool> tools;
  for (size_t i = 0; i < value.size(); ++i) {
    std::string path = param + "[" + std::to_string(i) + "]";
    Json function = value[i];
    if (!functions) {
      auto inner = FunctionOf(value[i], path);
      if (!inner) return tl::unexpected(inner.error());
      function = std::move(*inner);
      path += ".function";
    }
    auto tool = ParseFunction(function, path, limits);
    if (!tool) return tl::unexpected(tool.error());
    tools.push_back(std::move(*tool));
  }
  return tools;
}

ApiResult<void> ParseToolChoice(const Json& value, const std::string& param,
                                providers::ChatRequest& request) {
  if (!value.is_object()) return ReadWord(value, param, request, true);
  auto function = FunctionOf(value, param);
  if (!function) return tl::unexpected(function.error());
  return ReadNamed(*function, param + ".function", request);
}

ApiResult<void> ParseFunctionCall(const Json& value, const std::string& param,
                                  providers::ChatRequest& request) {
  if (!value.is_object()) return ReadWord(value, param, request, false);
  return ReadNamed(value, param, request);
}

}  // namespace dure::api
