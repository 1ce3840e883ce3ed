#include "api/json_object.h"

#include <utility>

#include "api/json_fields.h"

namespace dure::api {

namespace {

constexpr JsonLimits kLimits = {.max_bytes = 64 << 10,
                                .max_depth = 8,
                                .max_string_bytes = 16 << 10,
                                .max_number_bytes = 32,
                                .max_members = 64,
                                .max_values = 4096};

}  // namespace

JsonObject::JsonObject(const std::string& body) {
  auto json = ParseJson(body.empty() ? "{}" : body, kLimits);
  if (!json) {
    Fail({"invalid_json", json.error().message, ""});
  } else if (!json->is_object()) {
    Fail({"invalid_json", "the body must be a JSON object", ""});
  } else {
    json_ = std::move(*json);
  }
}

JsonObject::JsonObject(Json json, std::string path)
    : json_(std::move(json)), path_(std::move(path)) {}

std::string JsonObject::Path(const std::string& name) const {
  return path_.empty() ? name : path_ + "." + name;
}

const Json* JsonObject::Find(const std::string& name) {
  known_.insert(name);
  if (!json_.is_object()) return nullptr;
  const auto found = json_.find(name);
  return found != json_.end() && !found->is_null() ? &*found : nullptr;
}

bool JsonObject::Has(const std::string& name) { return Find(name) != nullptr; }

bool JsonObject::IsNull(const std::string& name) {
  known_.insert(name);
  return json_.is_object() && json_.contains(name) && json_[name].is_null();
}

std::optional<std::string> JsonObject::String(const std::string& name) {
  const Json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  auto text = ReadString(*value, Path(name));
  if (text) return std::move(*text);
  Fail(text.error());
  return std::nullopt;
}

std::string JsonObject::RequiredString(const std::string& name) {
  if (!Has(name)) {
    Fail({"missing_required_parameter", "you must provide the parameter '" + Path(name) + "'",
          Path(name)});
  }
  return String(name).value_or("");
}

std::optional<bool> JsonObject::Bool(const std::string& name) {
  const Json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  const auto read = ReadBool(*value, Path(name));
  if (read) return *read;
  Fail(read.error());
  return std::nullopt;
}

std::optional<int64_t> JsonObject::Integer(const std::string& name, int64_t least, int64_t most) {
  const Json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  const auto read = ReadInteger(*value, Path(name), least, most);
  if (read) return *read;
  Fail(read.error());
  return std::nullopt;
}

std::optional<std::vector<std::string>> JsonObject::Strings(const std::string& name, size_t most) {
  const Json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  std::vector<std::string> strings;
  if (!value->is_array()) {
    Fail(WrongType(Path(name), "an array of strings", *value).value());
    return std::nullopt;
  }
  if (value->size() > most) {
    Fail({"invalid_value", "'" + Path(name) + "' holds more than " + std::to_string(most),
          Path(name)});
    return std::nullopt;
  }
  for (const Json& entry : *value) {
    auto text = ReadString(entry, Path(name));
    if (!text) {
      Fail(text.error());
      return std::nullopt;
    }
    strings.push_back(std::move(*text));
  }
  return strings;
}

std::optional<Json> JsonObject::Object(const std::string& name) {
  const Json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_object()) return *value;
  Fail(WrongType(Path(name), "an object", *value).value());
  return std::nullopt;
}

void JsonObject::Fail(ApiError error) {
  if (!error_) error_ = std::move(error);
}

ApiResult<void> JsonObject::Finish() const {
  if (error_) return tl::unexpected(*error_);
  if (!json_.is_object()) return {};
  for (const auto& [name, value] : json_.items()) {
    if (known_.contains(name)) continue;
    return Refuse("unknown_parameter", "unknown parameter '" + Path(name) + "'", Path(name));
  }
  return {};
}

}  // namespace dure::api
