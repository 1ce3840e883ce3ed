// Request targets (RFC 9112 section 3.2, RFC 3986): splitting and percent-decoding.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace dure::net {

struct Target {
  std::vector<std::string>
      segments;  // decoded; {} for "/"; "%2F" inside a segment stays a slash of that segment
  std::vector<std::pair<std::string, std::string>> query;  // decoded; '+' is a space
};

/// Accepts origin form and absolute http form. Errors: kInvalidArgument for another form, a broken
/// percent escape, a NUL, "." or ".." as a segment, or more than 64 segments or 256 query fields.
Result<Target> ParseTarget(std::string_view target);

/// Errors: kInvalidArgument for "%" without two hex digits, or an encoded NUL.
Result<std::string> PercentDecode(std::string_view text, bool plus_is_space);

}  // namespace dure::net
