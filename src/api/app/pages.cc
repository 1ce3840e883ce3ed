#include "api/app/pages.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

#include "api/error_table.h"

namespace dure::api {

namespace {

constexpr std::string_view kPagePolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// For /frame/: documents that draw what a model wrote. They are sandboxed even when somebody opens
// one by itself: an origin of their own, no network at all, nothing but what stands in them.
constexpr std::string_view kFramePolicy =
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Calls use(element) for each element of a comma-separated field.
template <typename Use>
void ForEachElement(std::string_view field, Use use) {
  while (!field.empty()) {
    const size_t comma = std::min(field.find(','), field.size());
    use(Trim(field.substr(0, comma)));
    field.remove_prefix(std::min(comma + 1, field.size()));
  }
}

// The weight of "gzip;q=0.5": 1 when it is not given.
double Quality(std::string_view element) {
  const size_t q = element.find("q=");
  if (q == element.npos) return 1;
  return std::strtod(std::string(element.substr(q + 2)).c_str(), nullptr);
}

bool Matches(std::string_view if_none_match, std::string_view etag) {
  const auto opaque = [](std::string_view tag) {
    return tag.substr(tag.starts_with("W/") ? 2 : 0);
  };
  bool matches = false;
  ForEachElement(if_none_match, [&](std::string_view tag) {
    matches = matches || tag == "*" || opaque(tag) == opaque(etag);
  });
  return matches;
}

const app::Asset* Find(std::span<const app::Asset> assets, std::string_view path) {
  const auto found = std::find_if(assets.begin(), assets.end(),
                                  [&](const app::Asset& asset) { return asset.path == path; });
  return found != assets.end() ? &*found : nullptr;
}

std::string PathOf(const net::Request& request) {
  std::string path;
  for (const std::string& segment : request.segments) path += "/" + segment;
  return path.empty() ? "/" : path;
}

// A path inside the app, which only its script understands.
bool IsClientRoute(const net::Request& request) {
  if (!request.segments.empty() && (request.segments[0] == "v1" || request.segments[0] == "api" ||
                                    request.segments[0] == "assets")) {
    return false;
  }
  return request.headers.Find("Accept").value_or("").find("text/html") != std::string_view::npos;
}

std::string Bytes(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

net::Response ServeAsset(const net::Request& request, const app::Asset& asset) {
  net::Response response;
  net::Headers& headers = response.headers;
  headers.Add("ETag", std::string(asset.etag));
  headers.Add("Vary", "Accept-Encoding");
  headers.Add("Cache-Control",
              asset.immutable ? "public, max-age=31536000, immutable" : "no-cache");
  if (asset.path.starts_with("/frame/")) {
    headers.Add("Content-Security-Policy", std::string(kFramePolicy));
    headers.Add("X-Frame-Options", "SAMEORIGIN");
  } else {
    headers.Add("Content-Security-Policy", std::string(kPagePolicy));
  }
  if (Matches(request.headers.Find("If-None-Match").value_or(""), asset.etag)) {
    response.status = 304;
    return response;
  }
  headers.Add("Content-Type", std::string(asset.content_type));
  switch (ChooseEncoding(request.headers.Find("Accept-Encoding").value_or(""), asset)) {
    case Encoding::kBrotli:
      headers.Add("Content-Encoding", "br");
      response.body = Bytes(asset.brotli);
      break;
    case Encoding::kGzip:
      headers.Add("Content-Encoding", "gzip");
      response.body = Bytes(asset.gzip);
      break;
    case Encoding::kIdentity:
      response.body = Bytes(asset.identity);
      break;
  }
  return response;
}

}  // namespace

Encoding ChooseEncoding(std::string_view accept_encoding, const app::Asset& asset) {
  double brotli = 0;
  double gzip = 0;
  ForEachElement(accept_encoding, [&](std::string_view element) {
    const std::string_view name = Trim(element.substr(0, element.find(';')));
    if (net::EqualsIgnoreCase(name, "br")) brotli = Quality(element);
    if (net::EqualsIgnoreCase(name, "gzip")) gzip = Quality(element);
  });
  if (brotli > 0 && brotli >= gzip && !asset.brotli.empty()) return Encoding::kBrotli;
  if (gzip > 0 && !asset.gzip.empty()) return Encoding::kGzip;
  if (brotli > 0 && !asset.brotli.empty()) return Encoding::kBrotli;
  return Encoding::kIdentity;
}

net::Response ServePage(const net::Request& request, std::span<const app::Asset> assets) {
  const std::string path = PathOf(request);
  const app::Asset* asset = Find(assets, path == "/" ? "/index.html" : path);
  if (asset == nullptr && IsClientRoute(request)) asset = Find(assets, "/index.html");
  if (asset == nullptr) {
    return ErrorResponse({"unknown_url", "there is nothing at " + request.method + " " + path, ""});
  }
  if (request.method != "GET" && request.method != "HEAD") {
    net::Response refused =
        ErrorResponse({"method_not_allowed", path + " does not take " + request.method, ""});
    refused.headers.Add("Allow", "GET, HEAD");
    return refused;
  }
  return ServeAsset(request, *asset);
}

}  // namespace dure::api
