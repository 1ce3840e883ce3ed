#include "net/url.h"

#include <cstdint>

namespace dure::net {

namespace {

constexpr size_t kMaxSegments = 64;
constexpr size_t kMaxQueryFields = 256;

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::vector<std::pair<std::string, std::string>>> ParseQuery(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> fields;
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view field = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (field.empty()) continue;
    if (fields.size() == kMaxQueryFields) {
      return Fail(ErrorCode::kInvalidArgument, "too many query parameters");
    }
    const size_t equals = field.find('=');
    auto name = PercentDecode(field.substr(0, equals), true);
    if (!name) return tl::unexpected(name.error());
    auto value =
        PercentDecode(equals == std::string_view::npos ? "" : field.substr(equals + 1), true);
    if (!value) return tl::unexpected(value.error());
    fields.emplace_back(std::move(*name), std::move(*value));
  }
  return fields;
}

}  // namespace

Result<std::string> PercentDecode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return Fail(ErrorCode::kInvalidArgument, "the URL holds a broken percent escape");
      }
      c = static_cast<char>(high * 16 + low);
      if (c == '\0') return Fail(ErrorCode::kInvalidArgument, "the URL holds an encoded NUL");
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    out.push_back(c);
  }
  return out;
}

Result<Target> ParseTarget(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (target.starts_with(kScheme)) {
    const size_t slash = target.find_first_of("/?", kScheme.size());
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  if (target.empty() || (target[0] != '/' && target[0] != '?')) {
    return Fail(ErrorCode::kInvalidArgument, "the request target must start with '/'");
  }
  target = target.substr(0, target.find('#'));
  const size_t question = target.find('?');
  std::string_view path = target.substr(0, question);
  Target out;
  if (!path.empty()) path.remove_prefix(1);
  while (!path.empty()) {
    const size_t end = path.find('/');
    auto segment = PercentDecode(path.substr(0, end), false);
    if (!segment) return tl::unexpected(segment.error());
    if (*segment == "." || *segment == ".." || out.segments.size() == kMaxSegments) {
      return Fail(ErrorCode::kInvalidArgument, "the URL path has a dot segment or is too deep");
    }
    out.segments.push_back(std::move(*segment));
    if (end == std::string_view::npos) break;
    path.remove_prefix(end + 1);
    if (path.empty()) out.segments.emplace_back();  // a trailing slash is an empty last segment
  }
  if (question != std::string_view::npos) {
    auto query = ParseQuery(target.substr(question + 1));
    if (!query) return tl::unexpected(query.error());
    out.query = std::move(*query);
  }
  return out;
}

}  // namespace dure::net
