#include "net/cookies.h"

namespace dure::net {

namespace {

std::string_view Trim(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<std::string> FindCookie(const Headers& headers, std::string_view name) {
  std::optional<std::string> found;
  for (const auto& [key, field] : headers.fields()) {
    if (!EqualsIgnoreCase(key, "Cookie")) continue;
    std::string_view rest = field;
    while (!rest.empty()) {
      const size_t end = rest.find(';');
      const std::string_view pair = Trim(rest.substr(0, end));
      rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
      const size_t equals = pair.find('=');
      if (equals == pair.npos || Trim(pair.substr(0, equals)) != name) continue;
      const std::string value(Trim(pair.substr(equals + 1)));
      if (found && *found != value) return std::nullopt;
      found = value;
    }
  }
  return found;
}

std::string SetCookie(std::string_view name, std::string_view value, int64_t max_age_seconds,
                      bool secure) {
  std::string out(name);
  out.append("=").append(value).append("; Path=/; Max-Age=");
  out.append(std::to_string(max_age_seconds)).append("; HttpOnly; SameSite=Strict");
  if (secure) out += "; Secure";
  return out;
}

}  // namespace dure::net
