#include "api/json_fields.h"

#include <fmt/format.h>

#include <cmath>

namespace dure::api {

std::string_view JsonTypeName(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return "null";
    case Json::value_t::object:
      return "object";
    case Json::value_t::array:
      return "array";
    case Json::value_t::string:
      return "string";
    case Json::value_t::boolean:
      return "boolean";
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return "integer";
    default:
      return "number";
  }
}

tl::unexpected<ApiError> WrongType(const std::string& param, std::string_view expected,
                                   const Json& value) {
  return Refuse("invalid_type",
                fmt::format("invalid type for '{}': expected {}, got {}", param, expected,
                            JsonTypeName(value)),
                param);
}

ApiResult<std::string> ReadString(const Json& value, const std::string& param) {
  if (!value.is_string()) return WrongType(param, "a string", value);
  return value.get<std::string>();
}

ApiResult<bool> ReadBool(const Json& value, const std::string& param) {
  if (!value.is_boolean()) return WrongType(param, "a boolean", value);
  return value.get<bool>();
}

ApiResult<int64_t> ReadInteger(const Json& value, const std::string& param, int64_t least,
                               int64_t most) {
  if (!value.is_number_integer()) return WrongType(param, "an integer", value);
  const bool too_big = value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX;
  const int64_t number = too_big ? INT64_MAX : value.get<int64_t>();
  if (too_big || number < least || number > most) {
    return Refuse("invalid_value",
                  fmt::format("'{}' must be between {} and {}", param, least, most), param);
  }
  return number;
}

ApiResult<float> ReadNumber(const Json& value, const std::string& param, double least, double most,
                            bool open_least) {
  if (!value.is_number()) return WrongType(param, "a number", value);
  const double number = value.get<double>();
  if (!std::isfinite(number) || number < least || number > most ||
      (open_least && number == least)) {
    return Refuse("invalid_value",
                  fmt::format("'{}' must be {} {} and at most {}", param,
                              open_least ? "above" : "at least", least, most),
                  param);
  }
  return static_cast<float>(number);
}

}  // namespace dure::api
