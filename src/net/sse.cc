#include "net/sse.h"

namespace dure::net {

std::string SseEvent(std::string_view data) { return SseEvent(data, "", ""); }

std::string SseEvent(std::string_view data, std::string_view event, std::string_view id) {
  std::string out;
  out.reserve(data.size() + 16);
  if (!event.empty()) out.append("event: ").append(event).append("\n");
  if (!id.empty()) out.append("id: ").append(id).append("\n");
  for (;;) {
    const size_t end = data.find_first_of("\r\n");
    out.append("data: ").append(data.substr(0, end)).append("\n");
    if (end == std::string_view::npos) break;
    data.remove_prefix(end + (data.substr(end).starts_with("\r\n") ? 2 : 1));
  }
  return out.append("\n");
}

std::string SseComment(std::string_view text) {
  return std::string(": ").append(text).append("\n\n");
}

Headers SseHeaders() {
  return {{"Content-Type", "text/event-stream; charset=utf-8"},
          {"Cache-Control", "no-store"},
          {"X-Accel-Buffering", "no"}};
}

}  // namespace dure::net
