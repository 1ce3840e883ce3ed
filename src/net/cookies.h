// Cookies (RFC 6265bis): reading the one that is ours, and setting it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.h"

namespace dure::net {

/// The value of that cookie. Nothing when it is not there, or there with different values: then
/// somebody put one of them there, and no one can tell which.
std::optional<std::string> FindCookie(const Headers& headers, std::string_view name);

/// The Set-Cookie value for a cookie that scripts cannot read and other sites cannot make a browser
/// send: Path=/; HttpOnly; SameSite=Strict, with `secure` Secure. max_age_seconds 0 removes it.
std::string SetCookie(std::string_view name, std::string_view value, int64_t max_age_seconds,
                      bool secure);

}  // namespace dure::net
