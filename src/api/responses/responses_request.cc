#include "api/responses/responses_request.h"

#include <utility>

#include "api/function_tools.h"
#include "api/json_fields.h"
#include "api/openai/completion_fields.h"

namespace dure::api {

namespace {

using Status = ApiResult<void>;

constexpr size_t kMostMetadata = 16;
constexpr size_t kMostMetadataKeyBytes = 64;
constexpr size_t kMostMetadataValueBytes = 512;

struct Reading {
  Reading(const Json& body_in, const ChatRequestLimits& limits_in, const IdMaker& new_id_in)
      : body(body_in), limits(limits_in), new_id(new_id_in) {}

  const Json& body;
  const ChatRequestLimits& limits;
  const IdMaker& new_id;
  ResponsesBody out;
  CompletionFields common{body, limits, out.request};
  int top_logprobs = 0;
};

Status ReadCommon(Reading& r, const Json& value, const std::string& name) {
  return ReadCompletionField(r.common, name, value);
}

Status ReadInputItems(Reading& r, const Json& value, const std::string&) {
  return Keep(ReadInput(value, r.limits.max_messages, r.new_id), r.out.input);
}

Status ReadInstructions(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadString(value, name), r.out.instructions);
}

Status ReadPrevious(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadString(value, name), r.out.previous_response_id);
}

Status ReadMaxTokens(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadInteger(value, name, 1, INT32_MAX), r.out.request.max_tokens);
}

Status ReadTools(Reading& r, const Json& value, const std::string&) {
  return Keep(ReadResponsesTools(value, r.limits), r.out.request.tools);
}

Status ReadToolChoice(Reading& r, const Json& value, const std::string&) {
  return ReadResponsesToolChoice(value, r.out.request);
}

Status ReadParallel(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadBool(value, name), r.out.request.parallel_tool_calls);
}

Status ReadBackground(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadBool(value, name), r.out.background);
}

Status ReadStore(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadBool(value, name), r.out.store);
}

Status ReadStreamOptions(Reading&, const Json& value, const std::string& name) {
  if (!value.is_object()) return WrongType(name, "an object", value);
  return RefuseOthers(value, {"include_obfuscation"}, name);
}

Status ReadFormat(Reading& r, const Json& value, const std::string& name) {
  if (!value.is_object()) return WrongType(name, "an object", value);
  const Json type = value.value("type", Json());
  if (type == "json_schema") {
    if (auto known = RefuseOthers(value, {"type", "name", "schema", "strict", "description"}, name);
        !known) {
      return known;
    }
    const Json schema = value.value("schema", Json());
    if (!schema.is_object()) return WrongType(name + ".schema", "an object", schema);
    r.out.request.json_schema = schema.dump();
    return {};
  }
  if (auto known = RefuseOthers(value, {"type"}, name); !known) return known;
  if (type == "text") return {};
  if (type == "json_object") {
    r.out.request.json_schema = R"({"type":"object"})";
    return {};
  }
  return Refuse("unsupported_value",
                "'" + name + ".type' must be \"text\", \"json_object\" or \"json_schema\"",
                name + ".type");
}

Status ReadText(Reading& r, const Json& value, const std::string& name) {
  if (!value.is_object()) return WrongType(name, "an object", value);
  if (auto known = RefuseOthers(value, {"format", "verbosity"}, name); !known) return known;
  const Json verbosity = value.value("verbosity", Json());
  if (!verbosity.is_null() && verbosity != "medium") {
    return Refuse("unsupported_value", "'text.verbosity' can only be \"medium\"", "text.verbosity");
  }
  const Json format = value.value("format", Json());
  return format.is_null() ? Status() : ReadFormat(r, format, name + ".format");
}

Status ReadReasoning(Reading& r, const Json& value, const std::string& name) {
  if (!value.is_object()) return WrongType(name, "an object", value);
  if (auto known = RefuseOthers(value, {"effort", "summary", "generate_summary"}, name); !known) {
    return known;
  }
  for (const char* member : {"summary", "generate_summary"}) {
    const Json summary = value.value(member, Json());
    if (summary.is_null() || summary == "auto") continue;
    const std::string param = name + "." + member;
    return Refuse("unsupported_value",
                  "'" + param + "' can only be \"auto\": thoughts come in full, not summarized",
                  param);
  }
  const Json effort = value.value("effort", Json());
  if (effort.is_null()) return {};
  for (const char* known : {"none", "minimal", "low", "medium", "high", "xhigh"}) {
    if (effort == known) return Keep(ReadString(effort, name), r.out.request.reasoning_effort);
  }
  return Refuse("unsupported_value",
                "'reasoning.effort' must be none, minimal, low, medium, high or xhigh",
                name + ".effort");
}

Status ReadInclude(Reading& r, const Json& value, const std::string& name) {
  if (!value.is_array()) return WrongType(name, "an array", value);
  for (const Json& entry : value) {
    if (entry != "message.output_text.logprobs") {
      return Refuse("unsupported_value", "'include' can only hold \"message.output_text.logprobs\"",
                    name);
    }
    r.out.with_logprobs = true;
  }
  return {};
}

Status ReadTopLogprobs(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadInteger(value, name, 0, r.limits.max_top_logprobs), r.top_logprobs);
}

Status ReadMetadata(Reading&, const Json& value, const std::string& name) {
  if (!value.is_object()) return WrongType(name, "an object", value);
  if (value.size() > kMostMetadata) {
    return Refuse("invalid_value", "'metadata' holds more than 16 members", name);
  }
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) return WrongType(name + "." + key, "a string", text);
    if (key.size() > kMostMetadataKeyBytes ||
        text.get_ref<const std::string&>().size() > kMostMetadataValueBytes) {
      return Refuse("invalid_value", "a member of 'metadata' is too long", name);
    }
  }
  return {};
}

Status ReadTruncation(Reading&, const Json& value, const std::string& name) {
  if (value == "disabled") return {};
  return Refuse("unsupported_value",
                "'truncation' can only be \"disabled\": nothing of a prompt is ever cut off", name);
}

Status Ignore(Reading&, const Json&, const std::string&) { return {}; }

Status Unsupported(Reading&, const Json&, const std::string& name) {
  return Refuse("unsupported_parameter", "'" + name + "' is not supported here", name);
}

struct Parameter {
  std::string_view name;
  Status (*read)(Reading&, const Json& value, const std::string& name);
};

// docs/api.md describes each; a test compares the two.
constexpr Parameter kParameters[] = {
    {"model", ReadCommon},
    {"input", ReadInputItems},
    {"instructions", ReadInstructions},
    {"previous_response_id", ReadPrevious},
    {"stream", ReadCommon},
    {"stream_options", ReadStreamOptions},
    {"background", ReadBackground},
    {"store", ReadStore},
    {"max_output_tokens", ReadMaxTokens},
    {"temperature", ReadCommon},
    {"top_p", ReadCommon},
    {"top_k", ReadCommon},
    {"min_p", ReadCommon},
    {"typical_p", ReadCommon},
    {"presence_penalty", ReadCommon},
    {"frequency_penalty", ReadCommon},
    {"repetition_penalty", ReadCommon},
    {"logit_bias", ReadCommon},
    {"seed", ReadCommon},
    {"text", ReadText},
    {"reasoning", ReadReasoning},
    {"tools", ReadTools},
    {"tool_choice", ReadToolChoice},
    {"parallel_tool_calls", ReadParallel},
    {"include", ReadInclude},
    {"top_logprobs", ReadTopLogprobs},
    {"metadata", ReadMetadata},
    {"truncation", ReadTruncation},
    {"user", Ignore},
    {"safety_identifier", Ignore},
    {"prompt_cache_key", Ignore},
    {"prompt_cache_retention", Ignore},
    {"service_tier", Ignore},
    {"conversation", Unsupported},
    {"prompt", Unsupported},
    {"max_tool_calls", Unsupported},
    {"context_management", Unsupported},
    {"moderation", Unsupported},
};

Status ReadParameter(Reading& reading, const std::string& name, const Json& value) {
  for (const Parameter& parameter : kParameters) {
    if (parameter.name != name) continue;
    if (value.is_null()) return {};  // as if it were not there
    return parameter.read(reading, value, name);
  }
  return Refuse("unknown_parameter", "unknown parameter '" + name + "'", name);
}

Status CheckTogether(Reading& r) {
  if (auto required = RequireFields(r.body, {"model", "input"}); !required) return required;
  ResponsesBody& out = r.out;
  out.stream = r.common.stream;
  if (out.background && !out.store) {
    return Refuse("invalid_value", "'background' needs 'store': somebody must keep the response",
                  "background");
  }
  if (r.top_logprobs > 0) out.with_logprobs = true;
  if (out.with_logprobs) out.request.top_logprobs = r.top_logprobs;
  return CheckTools(out.request);
}

/// Of the body where it is there, else `standard`.
Json Given(const Json& body, const char* name, Json standard) {
  const Json value = body.value(name, Json());
  return value.is_null() ? standard : value;
}

Json EchoOf(const Json& body, const ResponsesBody& out) {
  Json echo = Json::object();
  echo["background"] = out.background;
  echo["instructions"] = Given(body, "instructions", nullptr);
  echo["max_output_tokens"] = Given(body, "max_output_tokens", nullptr);
  echo["metadata"] = Given(body, "metadata", Json::object());
  echo["model"] = out.request.model;
  echo["parallel_tool_calls"] = out.request.parallel_tool_calls;
  echo["previous_response_id"] = Given(body, "previous_response_id", nullptr);
  const Json reasoning = Given(body, "reasoning", Json::object());
  echo["reasoning"] = {{"effort", reasoning.value("effort", Json())},
                       {"summary", reasoning.value("summary", Json())}};
  echo["store"] = out.store;
  echo["temperature"] = Given(body, "temperature", 1.0);
  Json text = Given(body, "text", Json::object());
  if (text.value("format", Json()).is_null()) text["format"] = {{"type", "text"}};
  echo["text"] = std::move(text);
  echo["tool_choice"] = Given(body, "tool_choice", "auto");
  echo["tools"] = Given(body, "tools", Json::array());
  echo["top_logprobs"] = Given(body, "top_logprobs", 0);
  echo["top_p"] = Given(body, "top_p", 1.0);
  echo["truncation"] = "disabled";
  echo["user"] = Given(body, "user", nullptr);
  return echo;
}

}  // namespace

ApiResult<ResponsesBody> ParseResponsesBody(std::string_view body, const ChatRequestLimits& limits,
                                            const IdMaker& new_id) {
  auto json = ParseJson(body, limits.json);
  if (!json) return Refuse("invalid_json", json.error().message, "");
  if (!json->is_object()) return Refuse("invalid_json", "the body must be a JSON object", "");
  Reading reading(*json, limits, new_id);
  for (const auto& [name, value] : json->items()) {
    if (auto read = ReadParameter(reading, name, value); !read) return tl::unexpected(read.error());
  }
  if (auto checked = CheckTogether(reading); !checked) return tl::unexpected(checked.error());
  reading.out.echo = EchoOf(*json, reading.out);
  return std::move(reading.out);
}

std::vector<std::string_view> KnownResponsesParameters() {
  std::vector<std::string_view> names;
  for (const Parameter& parameter : kParameters) names.push_back(parameter.name);
  return names;
}

}  // namespace dure::api
