#include "api/anthropic/messages_request.h"

#include <utility>

#include "api/function_tools.h"
#include "api/json_fields.h"

namespace dure::api {

namespace {

using Status = ApiResult<void>;

struct Reading {
  const Json& body;
  const ChatRequestLimits& limits;
  MessagesBody out;
  std::string system;
};

Status ReadModel(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadString(value, name), r.out.request.model);
}

Status ReadMessages(Reading& r, const Json& value, const std::string&) {
  return Keep(ReadAnthropicMessages(value, r.limits), r.out.request.messages);
}

Status ReadSystem(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadTextBlocks(value, name), r.system);
}

Status ReadMaxTokens(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadInteger(value, name, 1, INT32_MAX), r.out.request.max_tokens);
}

Status ReadStream(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadBool(value, name), r.out.stream);
}

Status ReadTemperature(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadNumber(value, name, 0, 1), r.out.request.sampling.temperature);
}

Status ReadTopP(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadNumber(value, name, 0, 1, true), r.out.request.sampling.top_p);
}

Status ReadTopK(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadInteger(value, name, 0, INT32_MAX), r.out.request.sampling.top_k);
}

Status ReadStops(Reading& r, const Json& value, const std::string& name) {
  if (!value.is_array()) return WrongType(name, "an array of strings", value);
  if (value.size() > r.limits.max_stops) {
    return Refuse("invalid_value",
                  "'" + name + "' holds more than " + std::to_string(r.limits.max_stops), name);
  }
  for (const Json& entry : value) {
    auto text = ReadString(entry, name);
    if (!text) return tl::unexpected(text.error());
    if (text->empty() || text->size() > r.limits.max_stop_bytes) {
      return Refuse("invalid_value",
                    "each of '" + name + "' must have 1 to " +
                        std::to_string(r.limits.max_stop_bytes) + " bytes",
                    name);
    }
    r.out.request.stop.push_back(std::move(*text));
  }
  return {};
}

Status ReadTools(Reading& r, const Json& value, const std::string&) {
  return Keep(ReadAnthropicTools(value, r.limits), r.out.request.tools);
}

Status ReadToolChoice(Reading& r, const Json& value, const std::string&) {
  return ReadAnthropicToolChoice(value, r.out.request);
}

// Whether a model thinks before it answers is its own business; it can only be told not to.
Status ReadThinking(Reading& r, const Json& value, const std::string& name) {
  if (!value.is_object()) return WrongType(name, "an object", value);
  if (auto known = RefuseOthers(value, {"type", "budget_tokens", "display"}, name); !known) {
    return known;
  }
  const Json type = value.value("type", Json());
  if (type == "disabled") {
    r.out.request.reasoning_effort = "none";
  } else if (type != "enabled" && type != "adaptive") {
    return Refuse("unsupported_value", "'thinking.type' must be enabled, adaptive or disabled",
                  name + ".type");
  }
  const Json display = value.value("display", Json());
  if (!display.is_null() && display != "summarized") {
    return Refuse("unsupported_value", "'thinking.display' can only be \"summarized\"",
                  name + ".display");
  }
  if (!value.contains("budget_tokens")) return {};
  const auto budget = ReadInteger(value["budget_tokens"], name + ".budget_tokens", 1, INT32_MAX);
  if (!budget) return tl::unexpected(budget.error());
  return {};
}

Status ReadEffort(Reading& r, const Json& value, const std::string& name) {
  if (value != "low" && value != "medium" && value != "high" && value != "xhigh") {
    return Refuse("unsupported_value", "'" + name + "' must be low, medium, high or xhigh", name);
  }
  r.out.request.reasoning_effort = value.get<std::string>();
  return {};
}

Status ReadFormat(Reading& r, const Json& value, const std::string& name) {
  if (!value.is_object()) return WrongType(name, "an object", value);
  if (auto known = RefuseOthers(value, {"type", "schema"}, name); !known) return known;
  if (value.value("type", Json()) != "json_schema") {
    return Refuse("unsupported_value", "'" + name + ".type' must be \"json_schema\"",
                  name + ".type");
  }
  const Json schema = value.value("schema", Json());
  if (!schema.is_object()) return WrongType(name + ".schema", "an object", schema);
  r.out.request.json_schema = schema.dump();
  return {};
}

Status ReadOutputConfig(Reading& r, const Json& value, const std::string& name) {
  if (!value.is_object()) return WrongType(name, "an object", value);
  if (auto known = RefuseOthers(value, {"effort", "format"}, name); !known) return known;
  const Json effort = value.value("effort", Json());
  if (!effort.is_null()) {
    if (auto read = ReadEffort(r, effort, name + ".effort"); !read) return read;
  }
  const Json format = value.value("format", Json());
  return format.is_null() ? Status() : ReadFormat(r, format, name + ".format");
}

Status ReadMetadata(Reading&, const Json& value, const std::string& name) {
  if (!value.is_object()) return WrongType(name, "an object", value);
  return RefuseOthers(value, {"user_id"}, name);
}

Status ReadServiceTier(Reading&, const Json& value, const std::string& name) {
  if (value == "auto" || value == "standard_only") return {};
  return Refuse("unsupported_value", "'service_tier' must be auto or standard_only", name);
}

Status Ignore(Reading&, const Json&, const std::string&) { return {}; }

Status Unsupported(Reading&, const Json&, const std::string& name) {
  return Refuse("unsupported_parameter", "'" + name + "' is not supported here", name);
}

struct Parameter {
  std::string_view name;
  Status (*read)(Reading&, const Json& value, const std::string& name);
  bool of_prompt;  // counts, too, where tokens are only counted
};

// docs/api.md describes each; a test compares the two.
constexpr Parameter kParameters[] = {
    {"model", ReadModel, true},
    {"messages", ReadMessages, true},
    {"system", ReadSystem, true},
    {"max_tokens", ReadMaxTokens, false},
    {"stream", ReadStream, false},
    {"temperature", ReadTemperature, false},
    {"top_p", ReadTopP, false},
    {"top_k", ReadTopK, false},
    {"stop_sequences", ReadStops, false},
    {"tools", ReadTools, true},
    {"tool_choice", ReadToolChoice, true},
    {"thinking", ReadThinking, true},
    {"output_config", ReadOutputConfig, true},
    {"metadata", ReadMetadata, false},
    {"service_tier", ReadServiceTier, false},
    {"cache_control", Ignore, true},
    {"container", Unsupported, false},
    {"context_management", Unsupported, true},
    {"mcp_servers", Unsupported, true},
    {"inference_geo", Unsupported, false},
    {"speed", Unsupported, true},
};

Status ReadParameter(Reading& reading, MessagesPurpose purpose, const std::string& name,
                     const Json& value) {
  for (const Parameter& parameter : kParameters) {
    if (parameter.name != name) continue;
    if (purpose == MessagesPurpose::kCount && !parameter.of_prompt) break;
    if (value.is_null()) return {};  // as if it were not there
    return parameter.read(reading, value, name);
  }
  return Refuse("unknown_parameter", "unknown parameter '" + name + "'", name);
}

Status CheckTogether(Reading& r, MessagesPurpose purpose) {
  auto required = purpose == MessagesPurpose::kAnswer
                      ? RequireFields(r.body, {"model", "messages", "max_tokens"})
                      : RequireFields(r.body, {"model", "messages"});
  if (!required) return required;
  providers::ChatRequest& request = r.out.request;
  if (request.messages.back().role == providers::Role::kAssistant) {
    return Refuse("unsupported_value",
                  "the last message must not be the assistant's: answers cannot continue one here",
                  "messages");
  }
  if (!r.system.empty()) {
    providers::ChatMessage system;
    system.role = providers::Role::kSystem;
    system.content = std::move(r.system);
    if (request.messages.front().role == providers::Role::kSystem) {
      system.content += "\n" + request.messages.front().content;
      request.messages.erase(request.messages.begin());
    }
    request.messages.insert(request.messages.begin(), std::move(system));
  }
  return CheckTools(request);
}

}  // namespace

ApiResult<MessagesBody> ParseMessagesBody(std::string_view body, MessagesPurpose purpose,
                                          const ChatRequestLimits& limits) {
  auto json = ParseJson(body, limits.json);
  if (!json) return Refuse("invalid_json", json.error().message, "");
  if (!json->is_object()) return Refuse("invalid_json", "the body must be a JSON object", "");
  Reading reading{*json, limits, {}, {}};
  for (const auto& [name, value] : json->items()) {
    if (auto read = ReadParameter(reading, purpose, name, value); !read) {
      return tl::unexpected(read.error());
    }
  }
  if (auto checked = CheckTogether(reading, purpose); !checked) {
    return tl::unexpected(checked.error());
  }
  return std::move(reading.out);
}

std::vector<std::string_view> KnownMessagesParameters() {
  std::vector<std::string_view> names;
  for (const Parameter& parameter : kParameters) names.push_back(parameter.name);
  return names;
}

}  // namespace dure::api
