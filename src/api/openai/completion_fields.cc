#include "api/openai/completion_fields.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "api/json_fields.h"

namespace dure::api {

namespace {

using Status = ApiResult<void>;

Status ReadModel(CompletionFields& r, const Json& value, const std::string& name) {
  return Keep(ReadString(value, name), r.options.model);
}

Status ReadStream(CompletionFields& r, const Json& value, const std::string& name) {
  return Keep(ReadBool(value, name), r.stream);
}

Status ReadStreamOptions(CompletionFields& r, const Json& value, const std::string& name) {
  if (!value.is_object()) return WrongType(name, "an object", value);
  if (!r.body.contains("stream") || r.body["stream"] != true) {
    return Refuse("invalid_value", "'stream_options' needs 'stream': true", name);
  }
  for (const auto& [key, option] : value.items()) {
    if (key == "include_usage") {
      if (auto read = Keep(ReadBool(option, name + "." + key), r.include_usage); !read) {
        return read;
      }
    } else if (key != "include_obfuscation") {
      return Refuse("unknown_parameter", "unknown parameter '" + name + "." + key + "'",
                    name + "." + key);
    }
  }
  return {};
}

Status ReadTemperature(CompletionFields& r, const Json& value, const std::string& name) {
  return Keep(ReadNumber(value, name, 0, 2), r.options.sampling.temperature);
}

Status ReadTopP(CompletionFields& r, const Json& value, const std::string& name) {
  return Keep(ReadNumber(value, name, 0, 1, true), r.options.sampling.top_p);
}

Status ReadTopK(CompletionFields& r, const Json& value, const std::string& name) {
  auto k = ReadInteger(value, name, -1, INT32_MAX);  // -1 is another way to say off
  if (!k) return tl::unexpected(k.error());
  r.options.sampling.top_k = static_cast<int>(std::max<int64_t>(*k, 0));
  return {};
}

Status ReadMinP(CompletionFields& r, const Json& value, const std::string& name) {
  return Keep(ReadNumber(value, name, 0, 1), r.options.sampling.min_p);
}

Status ReadTypicalP(CompletionFields& r, const Json& value, const std::string& name) {
  return Keep(ReadNumber(value, name, 0, 1, true), r.options.sampling.typical_p);
}

Status ReadRepetitionPenalty(CompletionFields& r, const Json& value, const std::string& name) {
  return Keep(ReadNumber(value, name, 0, 10, true), r.options.sampling.repetition_penalty);
}

Status ReadPresencePenalty(CompletionFields& r, const Json& value, const std::string& name) {
  return Keep(ReadNumber(value, name, -2, 2), r.options.sampling.presence_penalty);
}

Status ReadFrequencyPenalty(CompletionFields& r, const Json& value, const std::string& name) {
  return Keep(ReadNumber(value, name, -2, 2), r.options.sampling.frequency_penalty);
}

Status ReadLogitBias(CompletionFields& r, const Json& value, const std::string& name) {
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
    r.options.sampling.logit_bias.emplace_back(token, *number);
  }
  return {};
}

Status ReadSeed(CompletionFields& r, const Json& value, const std::string& name) {
  if (value.is_number_unsigned()) {
    r.options.sampling.seed = value.get<uint64_t>();
    return {};
  }
  auto seed = ReadInteger(value, name, INT64_MIN, INT64_MAX);
  if (!seed) return tl::unexpected(seed.error());
  r.options.sampling.seed = static_cast<uint64_t>(*seed);
  return {};
}

Status ReadStop(CompletionFields& r, const Json& value, const std::string& name) {
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
    r.options.stop.push_back(std::move(*text));
  }
  return {};
}

Status ReadChoices(CompletionFields& r, const Json& value, const std::string& name) {
  auto choices = ReadInteger(value, name, 1, r.limits.max_choices);
  if (!choices) return tl::unexpected(choices.error());
  r.options.choices = static_cast<int>(*choices);
  return {};
}

struct Field {
  std::string_view name;
  Status (*read)(CompletionFields&, const Json& value, const std::string& name);
};

constexpr Field kFields[] = {
    {"model", ReadModel},
    {"stream", ReadStream},
    {"stream_options", ReadStreamOptions},
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
};

}  // namespace

ApiResult<void> ReadCompletionField(CompletionFields& fields, const std::string& name,
                                    const Json& value) {
  for (const Field& field : kFields) {
    if (field.name != name) continue;
    if (value.is_null()) return {};  // as if it were not there
    return field.read(fields, value, name);
  }
  return Refuse("unknown_parameter", "unknown parameter '" + name + "'", name);
}

ApiResult<void> RequireFields(const Json& body, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (body.contains(name) && !body[name].is_null()) continue;
    return Refuse("missing_required_parameter",
                  std::string("you must provide the parameter '") + name + "'", name);
  }
  return {};
}

std::vector<std::string_view> CompletionFieldNames() {
  std::vector<std::string_view> names;
  for (const Field& field : kFields) names.push_back(field.name);
  return names;
}

}  // namespace dure::api
