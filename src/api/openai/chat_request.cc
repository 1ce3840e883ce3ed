#include "api/openai/chat_request.h"

#include <string>
#include <utility>

#include "api/function_tools.h"
#include "api/json_fields.h"
#include "api/openai/chat_tools.h"

namespace dure::api {

namespace {

struct Reading {
  Reading(const Json& body_in, const ChatRequestLimits& limits_in)
      : body(body_in), limits(limits_in) {}

  const Json& body;
  const ChatRequestLimits& limits;
  ChatBody out;
  CompletionFields common{body, limits, out.request};
  bool logprobs = false;
  std::optional<int> top_logprobs;
  std::optional<int> max_tokens;             // the older name
  std::optional<int> max_completion_tokens;  // the newer one
  std::string tool_choice;                   // the parameter that chose
};

using Status = ApiResult<void>;
using ReadFunction = Status (*)(Reading&, const Json& value, const std::string& name);

Status ReadMessages(Reading& r, const Json& value, const std::string&) {
  return Keep(ParseMessages(value, r.limits), r.out.request.messages);
}

Status ReadMaxTokens(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadInteger(value, name, 1, INT32_MAX),
              name == "max_tokens" ? r.max_tokens : r.max_completion_tokens);
}

Status ReadLogprobs(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadBool(value, name), r.logprobs);
}

Status ReadTopLogprobs(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadInteger(value, name, 0, r.limits.max_top_logprobs), r.top_logprobs);
}

Status ReadTemplateArguments(Reading& r, const Json& value, const std::string& name) {
  if (!value.is_object()) return WrongType(name, "an object", value);
  r.out.request.template_arguments = value;
  return {};
}

// The schema of {"type": "json_schema"}. With or without `strict` the answer fits it.
Status ReadJsonSchema(Reading& r, const Json& format, const std::string& name) {
  const Json schema = format.value("json_schema", Json());
  const std::string inner = name + ".json_schema";
  if (!schema.is_object()) return WrongType(inner, "an object", schema);
  for (const auto& [key, value] : schema.items()) {
    const std::string path = inner + "." + key;
    if (key == "name" || key == "description") {
      if (!value.is_string() && !value.is_null()) return WrongType(path, "a string", value);
    } else if (key == "strict") {
      if (!value.is_boolean() && !value.is_null()) return WrongType(path, "true or false", value);
    } else if (key != "schema") {
      return Refuse("unknown_parameter", "unknown parameter '" + path + "'", path);
    }
  }
  const Json body = schema.value("schema", Json());
  if (!body.is_object()) return WrongType(inner + ".schema", "an object", body);
  r.out.request.json_schema = body.dump();
  return {};
}

Status ReadResponseFormat(Reading& r, const Json& value, const std::string& name) {
  if (!value.is_object()) return WrongType(name, "an object", value);
  const Json type = value.value("type", Json());
  for (const auto& [key, member] : value.items()) {
    if (key == "type" || (key == "json_schema" && type == "json_schema")) continue;
    const std::string path = name + "." + key;
    return Refuse("unknown_parameter", "unknown parameter '" + path + "'", path);
  }
  if (type == "text") return {};
  if (type == "json_schema") return ReadJsonSchema(r, value, name);
  if (type == "json_object") {
    r.out.request.json_schema = R"({"type":"object"})";
    return {};
  }
  return Refuse("unsupported_value",
                "'response_format.type' must be \"text\", \"json_object\" or \"json_schema\"",
                name);
}

Status ReadTools(Reading& r, const Json& value, const std::string& name) {
  const bool functions = name == "functions";
  auto tools = ParseTools(value, name, functions, r.limits);
  if (!tools) return tl::unexpected(tools.error());
  if (tools->empty()) return {};
  if (!r.out.request.tools.empty()) {
    return Refuse("invalid_value", "'functions' and 'tools' contradict each other", name);
  }
  r.out.request.tools = std::move(*tools);
  r.out.functions = functions;
  return {};
}

Status ReadToolChoice(Reading& r, const Json& value, const std::string& name) {
  if (!std::exchange(r.tool_choice, name).empty()) {
    return Refuse("invalid_value", "'function_call' and 'tool_choice' contradict each other", name);
  }
  return name == "function_call" ? ParseFunctionCall(value, name, r.out.request)
                                 : ParseToolChoice(value, name, r.out.request);
}

Status ReadParallel(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadBool(value, name), r.out.request.parallel_tool_calls);
}

Status ReadReasoningEffort(Reading& r, const Json& value, const std::string& name) {
  auto effort = ReadString(value, name);
  if (!effort) return tl::unexpected(effort.error());
  for (const char* known : {"none", "minimal", "low", "medium", "high", "xhigh"}) {
    if (*effort == known) return Keep(std::move(effort), r.out.request.reasoning_effort);
  }
  return Refuse("invalid_value",
                "'" + name +
                    "' must be \"none\", \"minimal\", \"low\", \"medium\", \"high\" or "
                    "\"xhigh\"",
                name);
}

Status ReadStore(Reading&, const Json& value, const std::string& name) {
  auto store = ReadBool(value, name);
  if (!store) return tl::unexpected(store.error());
  if (!*store) return {};
  return Refuse("unsupported_value", "completions are not stored here: leave 'store' out", name);
}

Status ReadModalities(Reading&, const Json& value, const std::string& name) {
  if (value == Json::array({"text"})) return {};
  return Refuse("unsupported_value", "'modalities' can only be [\"text\"]", name);
}

Status Ignore(Reading&, const Json&, const std::string&) { return {}; }

Status Unsupported(Reading&, const Json&, const std::string& name) {
  return Refuse("unsupported_parameter", "'" + name + "' is not supported here", name);
}

struct Parameter {
  std::string_view name;
  ReadFunction read;
};

// Beside those of every completion. docs/api.md describes each; a test compares the two.
constexpr Parameter kParameters[] = {
    {"messages", ReadMessages},
    {"max_completion_tokens", ReadMaxTokens},
    {"max_tokens", ReadMaxTokens},
    {"logprobs", ReadLogprobs},
    {"top_logprobs", ReadTopLogprobs},
    {"response_format", ReadResponseFormat},
    {"chat_template_kwargs", ReadTemplateArguments},
    {"tools", ReadTools},
    {"tool_choice", ReadToolChoice},
    {"functions", ReadTools},
    {"function_call", ReadToolChoice},
    {"parallel_tool_calls", ReadParallel},
    {"reasoning_effort", ReadReasoningEffort},
    {"store", ReadStore},
    {"modalities", ReadModalities},
    // Hints for OpenAI's own billing, caching, safety and speed: they change nothing about an
    // answer.
    {"user", Ignore},
    {"metadata", Ignore},
    {"service_tier", Ignore},
    {"safety_identifier", Ignore},
    {"prompt_cache_key", Ignore},
    {"prompt_cache_retention", Ignore},
    {"prediction", Ignore},
    {"audio", Unsupported},
    {"verbosity", Unsupported},
    {"web_search_options", Unsupported},
};

Status ReadParameter(Reading& reading, const std::string& name, const Json& value) {
  for (const Parameter& parameter : kParameters) {
    if (parameter.name != name) continue;
    if (value.is_null()) return {};  // as if it were not there
    return parameter.read(reading, value, name);
  }
  return ReadCompletionField(reading.common, name, value);
}

Status CheckTogether(Reading& r) {
  providers::ChatRequest& request = r.out.request;
  if (auto there = RequireFields(r.body, {"model", "messages"}); !there) return there;
  if (r.top_logprobs && !r.logprobs) {
    return Refuse("invalid_value", "'top_logprobs' needs 'logprobs': true", "top_logprobs");
  }
  if (r.logprobs) request.top_logprobs = r.top_logprobs.value_or(0);
  if (r.max_tokens && r.max_completion_tokens && *r.max_tokens != *r.max_completion_tokens) {
    return Refuse("invalid_value", "'max_tokens' and 'max_completion_tokens' contradict each other",
                  "max_tokens");
  }
  request.max_tokens = r.max_completion_tokens.value_or(r.max_tokens.value_or(-1));
  // A function_call is one.
  if (r.out.functions) request.parallel_tool_calls = false;
  return CheckTools(request, r.tool_choice.empty() ? "tool_choice" : r.tool_choice);
}

}  // namespace

ApiResult<ChatBody> ParseChatBody(std::string_view body, const ChatRequestLimits& limits) {
  auto json = ParseJson(body, limits.json);
  if (!json) return Refuse("invalid_json", json.error().message, "");
  if (!json->is_object()) return Refuse("invalid_json", "the body must be a JSON object", "");
  return ReadChatBody(*json, limits);
}

ApiResult<ChatBody> ReadChatBody(const Json& json, const ChatRequestLimits& limits) {
  Reading reading{json, limits};
  for (const auto& [name, value] : json.items()) {
    if (auto read = ReadParameter(reading, name, value); !read) return tl::unexpected(read.error());
  }
  if (auto checked = CheckTogether(reading); !checked) return tl::unexpected(checked.error());
  reading.out.stream = reading.common.stream;
  reading.out.include_usage = reading.common.include_usage;
  return std::move(reading.out);
}

std::vector<std::string_view> KnownChatParameters() {
  std::vector<std::string_view> names = CompletionFieldNames();
  for (const Parameter& parameter : kParameters) names.push_back(parameter.name);
  return names;
}

}  // namespace dure::api
