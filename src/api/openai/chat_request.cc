#include "api/openai/chat_request.h"

#include <charconv>
#include <string>
#include <utility>

#include "api/json_fields.h"

namespace dure::api {

namespace {

struct Reading {
  const Json& body;
  const ChatRequestLimits& limits;
  ChatBody out;
  bool logprobs = false;
  std::optional<int> top_logprobs;
  std::optional<int> max_tokens;             // the older name
  std::optional<int> max_completion_tokens;  // the newer one
};

using Status = ApiResult<void>;
using ReadFunction = Status (*)(Reading&, const Json& value, const std::string& name);

template <typename T, typename Into>
Status Keep(ApiResult<T> result, Into& into) {
  if (!result) return tl::unexpected(result.error());
  into = static_cast<std::decay_t<decltype(*result)>>(std::move(*result));
  return {};
}

Status KeepInt(ApiResult<int64_t> result, std::optional<int>& into) {
  if (!result) return tl::unexpected(result.error());
  into = static_cast<int>(*result);
  return {};
}

Status ReadMessages(Reading& r, const Json& value, const std::string&) {
  return Keep(ParseMessages(value, r.limits), r.out.request.messages);
}

Status ReadModel(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadString(value, name), r.out.request.model);
}

Status ReadStream(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadBool(value, name), r.out.stream);
}

Status ReadStreamOptions(Reading& r, const Json& value, const std::string& name) {
  if (!value.is_object()) return WrongType(name, "an object", value);
  if (!r.body.contains("stream") || r.body["stream"] != true) {
    return Refuse("invalid_value", "'stream_options' needs 'stream': true", name);
  }
  for (const auto& [key, option] : value.items()) {
    if (key == "include_usage") {
      if (auto read = Keep(ReadBool(option, name + "." + key), r.out.include_usage); !read) {
        return read;
      }
    } else if (key != "include_obfuscation") {
      return Refuse("unknown_parameter", "unknown parameter '" + name + "." + key + "'",
                    name + "." + key);
    }
  }
  return {};
}

Status ReadMaxTokens(Reading& r, const Json& value, const std::string& name) {
  return KeepInt(ReadInteger(value, name, 1, INT32_MAX),
                 name == "max_tokens" ? r.max_tokens : r.max_completion_tokens);
}

Status ReadTemperature(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadNumber(value, name, 0, 2), r.out.request.sampling.temperature);
}

Status ReadTopP(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadNumber(value, name, 0, 1, true), r.out.request.sampling.top_p);
}

Status ReadTopK(Reading& r, const Json& value, const std::string& name) {
  auto k = ReadInteger(value, name, -1, INT32_MAX);  // -1 is another way to say off
  if (!k) return tl::unexpected(k.error());
  r.out.request.sampling.top_k = static_cast<int>(std::max<int64_t>(*k, 0));
  return {};
}

Status ReadMinP(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadNumber(value, name, 0, 1), r.out.request.sampling.min_p);
}

Status ReadTypicalP(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadNumber(value, name, 0, 1, true), r.out.request.sampling.typical_p);
}

Status ReadRepetitionPenalty(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadNumber(value, name, 0, 10, true), r.out.request.sampling.repetition_penalty);
}

Status ReadPresencePenalty(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadNumber(value, name, -2, 2), r.out.request.sampling.presence_penalty);
}

Status ReadFrequencyPenalty(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadNumber(value, name, -2, 2), r.out.request.sampling.frequency_penalty);
}

Status ReadLogitBias(Reading& r, const Json& value, const std::string& name) {
  if (!value.is_object()) return WrongType(name, "an object", value);
  if (value.size() > r.limits.max_logit_bias) {
    return Refuse(
        "invalid_value",
        "'logit_bias' has more than " + std::to_string(r.limits.max_logit_bias) + " tokens", name);
  }
  for (const auto& [key, bias] : value.items()) {
    int32_t token = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), token);
    if (error != std::errc() || end != key.data() + key.size() || token < 0) {
      return Refuse("invalid_value", "the keys of 'logit_bias' must be token ids", name);
    }
    auto number = ReadNumber(bias, name + "." + key, -100, 100);
    if (!number) return tl::unexpected(number.error());
    r.out.request.sampling.logit_bias.emplace_back(token, *number);
  }
  return {};
}

Status ReadSeed(Reading& r, const Json& value, const std::string& name) {
  if (value.is_number_unsigned()) {
    r.out.request.sampling.seed = value.get<uint64_t>();
    return {};
  }
  auto seed = ReadInteger(value, name, INT64_MIN, INT64_MAX);
  if (!seed) return tl::unexpected(seed.error());
  r.out.request.sampling.seed = static_cast<uint64_t>(*seed);
  return {};
}

Status ReadStop(Reading& r, const Json& value, const std::string& name) {
  const Json list = value.is_string() ? Json::array({value}) : value;
  if (!list.is_array()) return WrongType(name, "a string or an array of strings", value);
  if (list.size() > r.limits.max_stops) {
    return Refuse("invalid_value",
                  "'stop' holds more than " + std::to_string(r.limits.max_stops) + " strings",
                  name);
  }
  for (const Json& entry : list) {
    auto text = ReadString(entry, name);
    if (!text) return tl::unexpected(text.error());
    if (text->empty() || text->size() > r.limits.max_stop_bytes) {
      return Refuse("invalid_value",
                    "each string of 'stop' must have 1 to " +
                        std::to_string(r.limits.max_stop_bytes) + " bytes",
                    name);
    }
    r.out.request.stop.push_back(std::move(*text));
  }
  return {};
}

Status ReadChoices(Reading& r, const Json& value, const std::string& name) {
  auto choices = ReadInteger(value, name, 1, r.limits.max_choices);
  if (!choices) return tl::unexpected(choices.error());
  r.out.request.choices = static_cast<int>(*choices);
  return {};
}

Status ReadLogprobs(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadBool(value, name), r.logprobs);
}

Status ReadTopLogprobs(Reading& r, const Json& value, const std::string& name) {
  return KeepInt(ReadInteger(value, name, 0, r.limits.max_top_logprobs), r.top_logprobs);
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

// Without a parser for the model's tool calls a client could not act on them; it may still offer
// tools that the model must not use.
Status ReadTools(Reading& r, const Json& value, const std::string& name) {
  if (!value.is_array()) return WrongType(name, "an array", value);
  if (value.size() > r.limits.max_tools) {
    return Refuse("invalid_value",
                  "'" + name + "' holds more than " + std::to_string(r.limits.max_tools), name);
  }
  const char* choice = name == "functions" ? "function_call" : "tool_choice";
  if (value.empty() || (r.body.contains(choice) && r.body[choice] == "none")) return {};
  return Refuse(
      "unsupported_parameter",
      "'" + name + "' is not supported yet: leave it out, or set '" + choice + "' to \"none\"",
      name);
}

Status ReadToolChoice(Reading&, const Json& value, const std::string& name) {
  if (value == "none" || value == "auto") return {};
  return Refuse("unsupported_value",
                "'" + name + "' must be \"none\" or \"auto\": tool calls are not supported yet",
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

// docs/api.md describes each; a test compares the two.
constexpr Parameter kParameters[] = {
    {"model", ReadModel},
    {"messages", ReadMessages},
    {"stream", ReadStream},
    {"stream_options", ReadStreamOptions},
    {"max_completion_tokens", ReadMaxTokens},
    {"max_tokens", ReadMaxTokens},
    {"temperature", ReadTemperature},
    {"top_p", ReadTopP},
    {"top_k", ReadTopK},
    {"min_p", ReadMinP},
    {"typical_p", ReadTypicalP},
    {"presence_penalty", ReadPresencePenalty},
    {"frequency_penalty", ReadFrequencyPenalty},
    {"repetition_penalty", ReadRepetitionPenalty},
    {"logit_bias", ReadLogitBias},
    {"seed", ReadSeed},
    {"stop", ReadStop},
    {"n", ReadChoices},
    {"logprobs", ReadLogprobs},
    {"top_logprobs", ReadTopLogprobs},
    {"response_format", ReadResponseFormat},
    {"chat_template_kwargs", ReadTemplateArguments},
    {"tools", ReadTools},
    {"tool_choice", ReadToolChoice},
    {"functions", ReadTools},
    {"function_call", ReadToolChoice},
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
    {"parallel_tool_calls", Ignore},
    {"prediction", Ignore},
    {"audio", Unsupported},
    {"reasoning_effort", Unsupported},
    {"verbosity", Unsupported},
    {"web_search_options", Unsupported},
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
  providers::ChatRequest& request = r.out.request;
  for (const char* required : {"model", "messages"}) {
    if (!r.body.contains(required) || r.body[required].is_null()) {
      return Refuse("missing_required_parameter",
                    std::string("you must provide the parameter '") + required + "'", required);
    }
  }
  if (r.top_logprobs && !r.logprobs) {
    return Refuse("invalid_value", "'top_logprobs' needs 'logprobs': true", "top_logprobs");
  }
  if (r.logprobs) request.top_logprobs = r.top_logprobs.value_or(0);
  if (r.max_tokens && r.max_completion_tokens && *r.max_tokens != *r.max_completion_tokens) {
    return Refuse("invalid_value", "'max_tokens' and 'max_completion_tokens' contradict each other",
                  "max_tokens");
  }
  request.max_tokens = r.max_completion_tokens.value_or(r.max_tokens.value_or(-1));
  return {};
}

}  // namespace

ApiResult<ChatBody> ParseChatBody(std::string_view body, const ChatRequestLimits& limits) {
  auto json = ParseJson(body, limits.json);
  if (!json) return Refuse("invalid_json", json.error().message, "");
  if (!json->is_object()) return Refuse("invalid_json", "the body must be a JSON object", "");
  Reading reading{*json, limits, {}, false, {}, {}, {}};
  for (const auto& [name, value] : json->items()) {
    if (auto read = ReadParameter(reading, name, value); !read) return tl::unexpected(read.error());
  }
  if (auto checked = CheckTogether(reading); !checked) return tl::unexpected(checked.error());
  return std::move(reading.out);
}

std::vector<std::string_view> KnownChatParameters() {
  std::vector<std::string_view> names;
  for (const Parameter& parameter : kParameters) names.push_back(parameter.name);
  return names;
}

}  // namespace dure::api
