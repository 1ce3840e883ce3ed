#include "api/openai/embedding_request.h"

#include <string>
#include <utility>

#include "api/json_fields.h"
#include "api/openai/completion_fields.h"
#include "api/openai/text_request.h"

namespace dure::api {

namespace {

using Status = ApiResult<void>;

struct Reading {
  const EmbeddingRequestLimits& limits;
  EmbeddingBody out;
};

Status ReadModel(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadString(value, name), r.out.request.model);
}

Status ReadInput(Reading& r, const Json& value, const std::string& name) {
  return Keep(ReadTextInputs(value, name, r.limits.max_inputs), r.out.request.inputs);
}

Status ReadFormat(Reading& r, const Json& value, const std::string& name) {
  r.out.base64 = value == "base64";
  if (r.out.base64 || value == "float") return {};
  return Refuse("invalid_value", "'" + name + "' must be \"float\" or \"base64\"", name);
}

Status RefuseDimensions(Reading&, const Json&, const std::string& name) {
  return Refuse("unsupported_parameter",
                "'" + name + "' is not supported: vectors have the model's own length", name);
}

Status Ignore(Reading&, const Json&, const std::string&) { return {}; }

struct Parameter {
  std::string_view name;
  Status (*read)(Reading&, const Json& value, const std::string& name);
};

constexpr Parameter kParameters[] = {
    {"model", ReadModel},
    {"input", ReadInput},
    {"encoding_format", ReadFormat},
    {"dimensions", RefuseDimensions},
    {"user", Ignore},
};

Status ReadParameter(Reading& reading, const std::string& name, const Json& value) {
  for (const Parameter& parameter : kParameters) {
    if (parameter.name != name) continue;
    if (value.is_null()) return {};  // as if it were not there
    return parameter.read(reading, value, name);
  }
  return Refuse("unknown_parameter", "unknown parameter '" + name + "'", name);
}

}  // namespace

ApiResult<EmbeddingBody> ParseEmbeddingBody(std::string_view body,
                                            const EmbeddingRequestLimits& limits) {
  auto json = ParseJson(body, limits.json);
  if (!json) return Refuse("invalid_json", json.error().message, "");
  if (!json->is_object()) return Refuse("invalid_json", "the body must be a JSON object", "");
  Reading reading{limits, {}};
  for (const auto& [name, value] : json->items()) {
    if (auto read = ReadParameter(reading, name, value); !read) return tl::unexpected(read.error());
  }
  if (auto there = RequireFields(*json, {"model", "input"}); !there) {
    return tl::unexpected(there.error());
  }
  return std::move(reading.out);
}

std::vector<std::string_view> KnownEmbeddingParameters() {
  std::vector<std::string_view> names;
  for (const Parameter& parameter : kParameters) names.push_back(parameter.name);
  return names;
}

}  // namespace dure::api
