#include "formats/json_file.h"

#include <algorithm>
#include <span>

#include "formats/file.h"

namespace dure::formats {

uint32_t JsonDepth(std::string_view text) {
  uint32_t depth = 0;
  uint32_t deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

Result<nlohmann::json> ReadJsonFile(const std::string& path, const JsonFileLimits& limits) {
  auto file = InputFile::Open(path);
  if (!file) return tl::unexpected(file.error());
  if (file->bytes() > limits.max_bytes) {
    return Fail(ErrorCode::kResourceExhausted,
                file->name() + " has " + std::to_string(file->bytes()) +
                    " bytes, more than the limit of " + std::to_string(limits.max_bytes));
  }
  std::string text(file->bytes(), '\0');
  if (auto read = file->ReadAt(0, std::as_writable_bytes(std::span(text))); !read) {
    return tl::unexpected(read.error());
  }
  if (JsonDepth(text) > limits.max_depth) {
    return Fail(ErrorCode::kResourceExhausted,
                file->name() + " is nested deeper than " + std::to_string(limits.max_depth));
  }
  auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return Fail(ErrorCode::kCorrupt, file->name() + " is no JSON");
  return json;
}

}  // namespace dure::formats
