// Pieces of error messages: names and bytes that come from files, made safe to print on one line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dure::formats {

/// The last component of a path; messages show it rather than the whole path.
std::string BaseName(std::string_view path);

/// Text from a file in single quotes, control and non-ASCII bytes as \xNN, cut after max_bytes with
/// "...".
std::string Quoted(std::string_view text, size_t max_bytes = 80);

}  // namespace dure::formats
