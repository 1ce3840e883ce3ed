// JSON files beside a model (tokenizer.json, config.json), read under limits that hold before they
// are parsed.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"

namespace dure::formats {

struct JsonFileLimits {
  uint64_t max_bytes = 64ull << 20;
  uint32_t max_depth = 32;
};

/// The whole file. Errors: those of InputFile::Open, kCorrupt (no JSON), kResourceExhausted (larger
/// or deeper than the limits).
Result<nlohmann::json> ReadJsonFile(const std::string& path, const JsonFileLimits& limits = {});

/// The deepest nesting of objects and arrays, without parsing. Brackets inside strings do not
/// count.
uint32_t JsonDepth(std::string_view text);

}  // namespace dure::formats
