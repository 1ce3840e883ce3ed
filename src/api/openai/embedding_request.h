// POST /v1/embeddings: the JSON body as a checked providers::EmbeddingRequest.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "api/error_table.h"
#include "api/json_body.h"
#include "providers/provider.h"

namespace dure::api {

struct EmbeddingRequestLimits {
  JsonLimits json;
  size_t max_inputs = 2048;
};

struct EmbeddingBody {
  providers::EmbeddingRequest request;
  bool base64 = false;  // vectors as base64 of little-endian floats instead of numbers
};

/// Errors: invalid_json, missing_required_parameter, invalid_type, invalid_value,
/// unknown_parameter, unsupported_parameter.
ApiResult<EmbeddingBody> ParseEmbeddingBody(std::string_view body,
                                            const EmbeddingRequestLimits& limits = {});

/// Every parameter that is not refused as unknown; docs/api.md describes each.
std::vector<std::string_view> KnownEmbeddingParameters();

}  // namespace dure::api
