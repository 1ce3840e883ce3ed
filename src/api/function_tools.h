// Functions that a model may ask for, as every API shape has them: checks in one place.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "api/error_table.h"
#include "api/json_body.h"
#include "providers/provider.h"

namespace dure::api {

/// 1 to 128 letters, digits, '_', '-' and '.'. Errors: invalid_type, invalid_value.
ApiResult<std::string> ReadFunctionName(const Json& value, const std::string& param);

/// A JSON Schema of arguments. Errors: invalid_type.
ApiResult<Json> ReadArgumentSchema(const Json& value, const std::string& param);

/// After all parameters are read: no two tools of one name, and the choice can be met. Errors:
/// invalid_value, naming `tools` or `choice`.
ApiResult<void> CheckTools(const providers::ChatRequest& request,
                           const std::string& choice = "tool_choice");

/// Refuses the members of `object` that `known` does not name. Errors: unknown_parameter.
ApiResult<void> RefuseOthers(const Json& object, std::initializer_list<std::string_view> known,
                             const std::string& path);

}  // namespace dure::api
