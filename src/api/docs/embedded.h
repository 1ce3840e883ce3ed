// The files of this folder that the program carries: reference/*.json and page/*.
#pragma once

#include <span>
#include <string_view>

namespace dure::api {

struct EmbeddedFile {
  std::string_view name;  // "reference/chat.json"
  std::string_view etag;  // with its quotes, ready for the ETag field
  std::string_view bytes;
};

/// Ordered by name. They live as long as the program.
std::span<const EmbeddedFile> DocsFiles();

}  // namespace dure::api
