#include "api/function_tools.h"

#include <algorithm>
#include <set>

#include "api/json_fields.h"

namespace dure::api {

namespace {

constexpr size_t kMostNameBytes = 128;

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

}  // namespace

ApiResult<std::string> ReadFunctionName(const Json& value, const std::string& param) {
  auto name = ReadString(value, param);
  if (!name) return name;
  const bool plain = std::all_of(name->begin(), name->end(), IsNameByte);
  if (plain && !name->empty() && name->size() <= kMostNameBytes) return name;
  return Refuse("invalid_value",
                "'" + param + "' must be 1 to 128 letters, digits, '_', '-' or '.'", param);
}

ApiResult<Json> ReadArgumentSchema(const Json& value, const std::string& param) {
  if (!value.is_object()) return WrongType(param, "a JSON Schema (an object)", value);
  return value;
}

ApiResult<void> CheckTools(const providers::ChatRequest& request, const std::string& choice) {
  using providers::ToolChoice;
  std::set<std::string_view> names;
  for (const providers::Tool& tool : request.tools) {
    if (names.insert(tool.name).second) continue;
    return Refuse("invalid_value", "two tools have the name '" + tool.name + "'", "tools");
  }
  const bool must_call =
      request.tool_choice == ToolChoice::kRequired || request.tool_choice == ToolChoice::kNamed;
  if (must_call && request.tools.empty()) {
    return Refuse("invalid_value", "'" + choice + "' asks for a call, but there are no tools",
                  choice);
  }
  if (request.tool_choice == ToolChoice::kNamed && !names.contains(request.named_tool)) {
    return Refuse(
        "invalid_value",
        "'" + choice + "' names '" + request.named_tool + "', which is not among the tools",
        choice);
  }
  return {};
}

ApiResult<void> RefuseOthers(const Json& object, std::initializer_list<std::string_view> known,
                             const std::string& path) {
  for (const auto& [name, value] : object.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string param = path.empty() ? name : path + "." + name;
    return Refuse("unknown_parameter", "unknown parameter '" + param + "'", param);
  }
  return {};
}

}  // namespace dure::api
