// The web app as the binary carries it: every file of the built page, as is and compressed.
//
// The bytes are linked into the program and live as long as it does; every view below points into
// them. All functions are pure and may be called from any thread.
#ifndef DURE_API_APP_ASSETS_H_
#define DURE_API_APP_ASSETS_H_

#include <cstddef>
#include <span>
#include <string_view>

namespace dure::api::app {

struct Asset {
  // Absolute URL path, e.g. "/index.html" or "/assets/index-B1x2.js". The page itself is
  // "/index.html"; serve it for "/" too.
  std::string_view path;
  std::string_view content_type;
  // A weak validator with its quotes, ready for the ETag header (RFC 9110, 8.8.3): W/"...". It is
  // the same for the three encodings, so send `Vary: Accept-Encoding` beside it.
  std::string_view etag;
  std::span<const std::byte> identity;
  // Empty where compression does not pay (images, tiny files).
  std::span<const std::byte> gzip;    // RFC 1952
  std::span<const std::byte> brotli;  // RFC 7932
  // True when the file's name carries the hash of its content: it may be cached for ever.
  bool immutable = false;
};

// All assets, ordered by path (byte order), paths unique.
std::span<const Asset> Assets();

// The asset of exactly this path, nullptr where there is none. No decoding, no normalising.
const Asset* FindAsset(std::string_view path);

}  // namespace dure::api::app

#endif  // DURE_API_APP_ASSETS_H_
