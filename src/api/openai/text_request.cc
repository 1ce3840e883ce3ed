#include "api/openai/text_request.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "api/json_fields.h"

namespace dure::api {

namespace {

using Status = ApiResult<void>;

// OpenAI's default, which clients rely on.
constexpr int kDefaultMaxTokens = 16;

struct Reading {
  Reading(const Json& body_in, const TextRequestLimits& limits_in)
      : body(body_in), limits(limits_in) {}

  const Json& body;
  const TextRequestLimits& limits;
  providers::TextRequest request;  // all but the prompt
  std::vector<TextInput> prompts;
  CompletionFields common{body, limits, request};
  std::optional<int> max_tokens;
  std::optional<int> best_of;
};

Status ReadPrompt(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadTextInputs(value, name, r.limits.max_prompts), r.prompts);
}

Status ReadSuffix(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadString(value, name), r.request.suffix);
}

Status ReadEcho(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadBool(value, name), r.request.echo);
}

Status ReadLogprobs(Reading& r, const Json& value, const std::string& name) {
  auto count = ReadInteger(value, name, 0, r.limits.max_logprobs);
  if (!count) return tl::unexpected(count.error());
  r.request.top_logprobs = static_cast<int>(*count);
  return {};
}

Status ReadMaxTokens(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadInteger(value, name, 0, INT32_MAX), r.max_tokens);
}

Status ReadBestOf(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadInteger(value, name, 1, INT32_MAX), r.best_of);
}

Status Ignore(Reading&, const Json&, const std::string&) { return {}; }

struct Parameter {
  std::string_view name;
  Status (*read)(Reading&, const Json& value, const std::string& name);
};

// Beside those of every completion. docs/api.md describes each; a test compares the two.
constexpr Parameter kParameters[] = {
    {"prompt", ReadPrompt},     {"suffix", ReadSuffix},        {"echo", ReadEcho},
    {"logprobs", ReadLogprobs}, {"max_tokens", ReadMaxTokens}, {"best_of", ReadBestOf},
    {"user", Ignore},
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
  if (auto there = RequireFields(r.body, {"model", "prompt"}); !there) return there;
  if (r.best_of && *r.best_of != 1 && *r.best_of != r.request.choices) {
    return Refuse("unsupported_value",
                  "'best_of' must be 1 or equal 'n': no answers are made to be thrown away",
                  "best_of");
  }
  if (r.request.echo && r.request.suffix) {
    return Refuse("unsupported_value", "'echo' cannot be combined with 'suffix'", "echo");
  }
  r.request.max_tokens = r.max_tokens.value_or(kDefaultMaxTokens);
  return {};
}

bool All(const Json& array, bool (Json::*is)() const noexcept) {
  return std::all_of(array.begin(), array.end(), [&](const Json& one) { return (one.*is)(); });
}

}  // namespace

ApiResult<std::vector<int32_t>> ReadTokens(const Json& value, const std::string& name) {
  if (!value.is_array()) return WrongType(name, "an array of token ids", value);
  std::vector<int32_t> tokens;
  tokens.reserve(value.size());
  for (const Json& one : value) {
    auto id = ReadInteger(one, name, 0, INT32_MAX);
    if (!id) return tl::unexpected(id.error());
    tokens.push_back(static_cast<int32_t>(*id));
  }
  return tokens;
}

ApiResult<std::vector<TextInput>> ReadTextInputs(const Json& value, const std::string& name,
                                                 size_t max_inputs) {
  constexpr const char* kExpected = "a string, an array of token ids, or an array of either";
  if (value.is_string()) return std::vector<TextInput>{value.get<std::string>()};
  if (!value.is_array()) return WrongType(name, kExpected, value);
  if (value.empty()) return Refuse("invalid_value", "'" + name + "' is empty", name);
  if (value.front().is_number()) {
    auto tokens = ReadTokens(value, name);
    if (!tokens) return tl::unexpected(tokens.error());
    return std::vector<TextInput>{std::move(*tokens)};
  }
  if (!All(value, &Json::is_string) && !All(value, &Json::is_array)) {
    return Refuse("invalid_type", "'" + name + "' must be " + kExpected + ", all of one kind",
                  name);
  }
  if (value.size() > max_inputs) {
    return Refuse("invalid_value",
                  "'" + name + "' holds " + std::to_string(value.size()) + " entries; at most " +
                      std::to_string(max_inputs) + " are taken at once",
                  name);
  }
  std::vector<TextInput> inputs;
  for (const Json& one : value) {
    if (one.is_string()) {
      inputs.emplace_back(one.get<std::string>());
      continue;
    }
    auto tokens = ReadTokens(one, name + "[" + std::to_string(inputs.size()) + "]");
    if (!tokens) return tl::unexpected(tokens.error());
    inputs.emplace_back(std::move(*tokens));
  }
  return inputs;
}

ApiResult<TextBody> ParseTextBody(std::string_view body, const TextRequestLimits& limits) {
  auto json = ParseJson(body, limits.json);
  if (!json) return Refuse("invalid_json", json.error().message, "");
  if (!json->is_object()) return Refuse("invalid_json", "the body must be a JSON object", "");
  Reading reading(*json, limits);
  for (const auto& [name, value] : json->items()) {
    if (auto read = ReadParameter(reading, name, value); !read) return tl::unexpected(read.error());
  }
  if (auto checked = CheckTogether(reading); !checked) return tl::unexpected(checked.error());
  TextBody out;
  for (TextInput& prompt : reading.prompts) {
    out.requests.push_back(reading.request);
    out.requests.back().prompt = std::move(prompt);
  }
  out.stream = reading.common.stream;
  out.include_usage = reading.common.include_usage;
  return out;
}

std::vector<std::string_view> KnownTextParameters() {
  std::vector<std::string_view> names = CompletionFieldNames();
  for (const Parameter& parameter : kParameters) names.push_back(parameter.name);
  return names;
}

}  // namespace dure::api
