#include "api/json_body.h"

#include <string>
#include <vector>

namespace dure::api {

namespace {

tl::unexpected<Error> TooMuch(const std::string& what, size_t limit) {
  return Fail(ErrorCode::kInvalidArgument,
              "the JSON body has " + what + " than the limit of " + std::to_string(limit));
}

// One pass over the bytes. Whatever is not well-formed is left to the parser to refuse.
class LimitScanner {
 public:
  LimitScanner(std::string_view text, const JsonLimits& limits) : text_(text), limits_(limits) {}

  Result<void> Scan() {
    while (at_ < text_.size()) {
      if (auto next = Next(); !next) return next;
    }
    return {};
  }

 private:
  Result<void> Next() {
    const char c = text_[at_];
    if (c == '"') return String();
    if (c == '-' || (c >= '0' && c <= '9')) return Number();
    ++at_;
    if (c == '{' || c == '[') {
      members_.push_back(0);
      if (members_.size() > limits_.max_depth) return TooMuch("deeper nesting", limits_.max_depth);
    } else if ((c == '}' || c == ']') && !members_.empty()) {
      members_.pop_back();
    } else if (c == ':' && !members_.empty()) {
      if (++members_.back() > limits_.max_members) {
        return TooMuch("more members in one object", limits_.max_members);
      }
    }
    if ((c == ',' || c == ':' || c == '[') && ++values_ > limits_.max_values) {
      return TooMuch("more values", limits_.max_values);
    }
    return {};
  }

  Result<void> String() {
    const size_t begin = ++at_;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    if (at_ - begin > limits_.max_string_bytes) {
      return TooMuch("a longer string", limits_.max_string_bytes);
    }
    ++at_;
    return {};
  }

  Result<void> Number() {
    const size_t begin = at_;
    constexpr std::string_view kNumberBytes = "0123456789+-.eE";
    while (at_ < text_.size() && kNumberBytes.find(text_[at_]) != kNumberBytes.npos) ++at_;
    if (at_ - begin > limits_.max_number_bytes) {
      return TooMuch("a longer number", limits_.max_number_bytes);
    }
    return {};
  }

  std::string_view text_;
  const JsonLimits& limits_;
  size_t at_ = 0;
  size_t values_ = 0;
  std::vector<size_t> members_;  // of each open bracket
};

}  // namespace

Result<void> CheckJsonLimits(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) return TooMuch("more bytes", limits.max_bytes);
  return LimitScanner(text, limits).Scan();
}

Result<Json> ParseJson(std::string_view text, const JsonLimits& limits) {
  if (auto fits = CheckJsonLimits(text, limits); !fits) return tl::unexpected(fits.error());
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const Json::parse_error& error) {
    return Fail(ErrorCode::kInvalidArgument,
                "the body is not valid JSON (at byte " + std::to_string(error.byte) + ")");
  } catch (const Json::exception&) {  // a number that overflows a double
    return Fail(ErrorCode::kInvalidArgument, "the body holds a number out of range");
  }
}

}  // namespace dure::api
