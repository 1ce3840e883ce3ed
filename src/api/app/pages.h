// The web app's files over HTTP: content negotiation (RFC 9110 section 12.5.3), validators
// (section 8.8) and the policy of what the page may load (Content Security Policy Level 3).
#pragma once

#include <span>
#include <string_view>

#include "api/app/assets.h"
#include "net/http.h"

namespace dure::api {

/// Answers a request that no API route took: a file, the page itself for "/" and for addresses
/// inside the app (a GET that accepts text/html, outside /v1 and /api), or the error unknown_url or
/// method_not_allowed.
net::Response ServePage(const net::Request& request, std::span<const app::Asset> assets);

enum class Encoding { kIdentity, kGzip, kBrotli };

/// The best of what the asset has and an Accept-Encoding field takes; identity when nothing else
/// fits.
Encoding ChooseEncoding(std::string_view accept_encoding, const app::Asset& asset);

}  // namespace dure::api
