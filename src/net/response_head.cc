#include "net/response_head.h"

#include <array>
#include <cstdio>
#include <ctime>
#include <utility>

namespace dure::net {

namespace {

// What keeps a browser from doing more with an answer than it is meant for. A page brings its own
// policy.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kSecurityFields = {{
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"Cache-Control", "no-store"},
}};

void AppendField(std::string_view name, std::string_view value, std::string& out) {
  if (name.find_first_of("\r\n:") != name.npos || value.find_first_of("\r\n") != value.npos) return;
  out.append(name).append(": ").append(value).append("\r\n");
}

bool IsServersBusiness(std::string_view name) {
  return EqualsIgnoreCase(name, "Content-Length") || EqualsIgnoreCase(name, "Transfer-Encoding") ||
         EqualsIgnoreCase(name, "Connection") || EqualsIgnoreCase(name, "Date");
}

}  // namespace

std::string_view ReasonPhrase(int status) {
  static constexpr std::pair<int, std::string_view> kPhrases[] = {
      {100, "Continue"},
      {200, "OK"},
      {201, "Created"},
      {204, "No Content"},
      {206, "Partial Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {304, "Not Modified"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {411, "Length Required"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {422, "Unprocessable Content"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {499, "Client Closed Request"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
  };
  for (const auto& [code, phrase] : kPhrases) {
    if (code == status) return phrase;
  }
  return "Unknown";
}

std::string HttpDate(int64_t unix_time) {
  // Not strftime: names of days and months must not follow the locale.
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t time = static_cast<std::time_t>(unix_time);
  std::tm parts{};
  gmtime_r(&time, &parts);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                kDays[parts.tm_wday], parts.tm_mday, kMonths[parts.tm_mon], parts.tm_year + 1900,
                parts.tm_hour, parts.tm_min, parts.tm_sec);
  return text.data();
}

std::string RenderHead(int status, const Headers& headers, Framing framing, uint64_t content_length,
                       bool keep_alive, int64_t unix_time) {
  std::string out = "HTTP/1.1 " + std::to_string(status) + " ";
  out.append(ReasonPhrase(status)).append("\r\n");
  AppendField("Date", HttpDate(unix_time), out);
  AppendField("Connection", keep_alive ? "keep-alive" : "close", out);
  for (const auto& [name, value] : headers.fields()) {
    if (!IsServersBusiness(name)) AppendField(name, value, out);
  }
  for (const auto& [name, value] : kSecurityFields) {
    if (!headers.Has(name)) AppendField(name, value, out);
  }
  if (framing == Framing::kLength) {
    AppendField("Content-Length", std::to_string(content_length), out);
  } else if (framing == Framing::kChunked) {
    AppendField("Transfer-Encoding", "chunked", out);
  }
  return out.append("\r\n");
}

void AppendChunk(std::string_view bytes, std::string& out) {
  std::array<char, 24> size{};
  std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
  out.append(size.data()).append(bytes).append("\r\n");
}

}  // namespace dure::net
