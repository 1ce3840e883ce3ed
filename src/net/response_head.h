// The bytes in front of a response's body.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.h"

namespace dure::net {

enum class Framing { kLength, kChunked, kUntilClose, kNoBody };

/// Status line and fields, with Date, Connection, the framing field and, where the handler gave no
/// such field itself, the security fields every answer carries. Fields that hold a line end are
/// left out: a response can never be split.
std::string RenderHead(int status, const Headers& headers, Framing framing, uint64_t content_length,
                       bool keep_alive, int64_t unix_time);

/// "Not Found" for 404; "Unknown" for a status without a registered phrase.
std::string_view ReasonPhrase(int status);

/// One chunk of a chunked body (RFC 9112 section 7.1). `bytes` must not be empty.
void AppendChunk(std::string_view bytes, std::string& out);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

/// IMF-fixdate (RFC 9110 section 5.6.7).
std::string HttpDate(int64_t unix_time);

}  // namespace dure::net
