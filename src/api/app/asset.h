// A file of the web app as it lies in the binary. The build generates the table from web/dist
// (target dure_web_assets).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace dure::api {

/// All views point to static storage.
struct Asset {
  std::string_view path;  // below the root, no leading slash: "index.html", "assets/app-1a2b3c.js"
  std::string_view content_type;  // with charset where it has one: "text/html; charset=utf-8"
  std::string_view etag;          // hash of the identity form, without quotes
  // Either gzip (and brotli) or identity is set.
  std::span<const uint8_t> identity;
  std::span<const uint8_t> gzip;
  std::span<const uint8_t> brotli;
};

/// Every file of web/dist, ordered by path.
std::span<const Asset> WebAssets();

}  // namespace dure::api
