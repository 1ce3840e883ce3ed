#include "store/usage.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace dure::store {

namespace {

std::string IsoTime(int64_t ms) {
  const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
                parts.tm_sec, static_cast<int>(ms % 1000));
  return text.data();
}

std::string Cell(const std::string& text) {
  // What starts so is run as a formula by spreadsheets.
  const bool formula =
      !text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos;
  const std::string shown = formula ? "'" + text : text;
  if (shown.find_first_of(",\"\r\n") == shown.npos) return shown;
  std::string out = "\"";
  for (const char c : shown) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

}  // namespace

std::string UsageCsvHead() {
  return "time,account_id,key_id,route,model,status,error,stream,prompt_tokens,cached_tokens,"
         "completion_tokens,duration_ms\r\n";
}

std::string UsageCsvLine(const UsageRow& row) {
  std::string out = IsoTime(row.at_ms);
  for (const std::string& text :
       {row.account_id, row.key_id, row.route, row.model, std::to_string(row.status), row.error}) {
    out += "," + Cell(text);
  }
  out += row.stream ? ",true" : ",false";
  for (const int64_t number :
       {row.prompt_tokens, row.cached_tokens, row.completion_tokens, row.duration_ms}) {
    out += "," + std::to_string(number);
  }
  return out + "\r\n";
}

}  // namespace dure::store
