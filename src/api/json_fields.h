// Typed access to the parameters of a JSON request, with errors that name the parameter.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "api/error_table.h"
#include "api/json_body.h"

namespace dure::api {

/// "string", "integer", "number", "boolean", "array", "object" or "null".
std::string_view JsonTypeName(const Json& value);

tl::unexpected<ApiError> WrongType(const std::string& param, std::string_view expected,
                                   const Json& value);

/// `param` is the path that the error names: "messages[2].role". Errors: invalid_type;
/// invalid_value out of range.
ApiResult<std::string> ReadString(const Json& value, const std::string& param);
ApiResult<bool> ReadBool(const Json& value, const std::string& param);
ApiResult<int64_t> ReadInteger(const Json& value, const std::string& param, int64_t least,
                               int64_t most);
/// least <= value <= most; with open_least, least < value.
ApiResult<float> ReadNumber(const Json& value, const std::string& param, double least, double most,
                            bool open_least = false);

/// Puts what was read where it belongs.
template <typename T, typename Into>
ApiResult<void> Keep(ApiResult<T> result, Into& into) {
  if (!result) return tl::unexpected(result.error());
  into = static_cast<T>(std::move(*result));
  return {};
}
/// For integers whose range was an int's.
inline ApiResult<void> Keep(const ApiResult<int64_t>& result, std::optional<int>& into) {
  if (!result) return tl::unexpected(result.error());
  into = static_cast<int>(*result);
  return {};
}

}  // namespace dure::api
