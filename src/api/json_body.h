// JSON from a client: limits are checked on the bytes before anything is built from them.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"

namespace dure::api {

using Json = nlohmann::ordered_json;

struct JsonLimits {
  size_t max_bytes = 16 << 20;
  size_t max_depth = 64;  // nested arrays and objects
  size_t max_string_bytes = 16 << 20;
  size_t max_number_bytes = 64;
  size_t max_members = 2048;    // of one object: look-up in an ordered object is linear
  size_t max_values = 1 << 20;  // in the whole document
};

/// RFC 8259. Errors: kInvalidArgument: not JSON (with the byte offset), not UTF-8, or
/// a limit exceeded (named).
Result<Json> ParseJson(std::string_view text, const JsonLimits& limits = {});

/// The limits alone, in one pass that keeps only the path of open brackets.
Result<void> CheckJsonLimits(std::string_view text, const JsonLimits& limits);

}  // namespace dure::api
