// The parameters that chats and texts to be continued have in common, by OpenAI's names.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "api/error_table.h"
#include "api/json_body.h"
#include "providers/provider.h"

namespace dure::api {

struct CompletionLimits {
  JsonLimits json;
  size_t max_stops = 16;
  size_t max_stop_bytes = 1024;  // of each
  int max_choices = 8;
  size_t max_logit_bias = 1024;
};

/// One body being read.
struct CompletionFields {
  const Json& body;
  const CompletionLimits& limits;
  providers::CompletionOptions& options;
  bool stream = false;
  bool include_usage = false;
};

/// Reads one member of the body. Errors: invalid_type, invalid_value, unknown_parameter (none of
/// these).
ApiResult<void> ReadCompletionField(CompletionFields& fields, const std::string& name,
                                    const Json& value);

/// Errors: missing_required_parameter.
ApiResult<void> RequireFields(const Json& body, std::initializer_list<const char*> names);

std::vector<std::string_view> CompletionFieldNames();

}  // namespace dure::api
