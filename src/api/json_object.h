// The members of a JSON body that a route knows, each read once; what is left over is refused.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/error_table.h"
#include "api/json_body.h"

namespace dure::api {

/// Holds the first error and goes on: read all members, then ask Finish. null is as if the member
/// were not there.
class JsonObject {
 public:
  /// Limits of a body that holds names and numbers, not chats.
  explicit JsonObject(const std::string& body);
  explicit JsonObject(Json json, std::string path = "");

  bool Has(const std::string& name);
  std::optional<std::string> String(const std::string& name);
  std::string RequiredString(const std::string& name);
  std::optional<bool> Bool(const std::string& name);
  std::optional<int64_t> Integer(const std::string& name, int64_t least, int64_t most);
  std::optional<std::vector<std::string>> Strings(const std::string& name, size_t most);
  std::optional<Json> Object(const std::string& name);
  /// Members whose value is null, for those that are cleared that way.
  bool IsNull(const std::string& name);

  void Fail(ApiError error);
  /// Errors: the first of invalid_json, missing_required_parameter, invalid_type, invalid_value,
  /// unknown_parameter.
  ApiResult<void> Finish() const;

 private:
  const Json* Find(const std::string& name);
  std::string Path(const std::string& name) const;

  Json json_;
  std::string path_;
  std::set<std::string> known_;
  std::optional<ApiError> error_;
};

}  // namespace dure::api
