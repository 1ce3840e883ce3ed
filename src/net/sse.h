// Server-sent events, the wire format of the HTML standard, section "Server-sent events".
#pragma once

#include <string>
#include <string_view>

#include "net/http.h"

namespace dure::net {

/// "data: ...\n\n"; every line of `data` (split at CR LF, LF or CR) becomes one data field.
std::string SseEvent(std::string_view data);
/// With an event name and an id, neither of which may hold a line end or, for the id, NUL; empty:
/// left out.
std::string SseEvent(std::string_view data, std::string_view event, std::string_view id);
/// A line that clients ignore and that shows intermediaries a live connection.
std::string SseComment(std::string_view text);

/// Fields for ResponseWriter::StartStream: the content type, no caching, no buffering by proxies.
Headers SseHeaders();

}  // namespace dure::net
