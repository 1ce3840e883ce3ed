#include "api/app/pages.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace dure::api {
namespace {

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

const std::array<app::Asset, 4> kAssets = {
    app::Asset{"/assets/a-1b2c.js", "text/javascript; charset=utf-8", "W/\"js\"", Bytes("plain"),
               Bytes("gzipped"), Bytes("brotli"), true},
    app::Asset{"/frame/diagram.html",
               "text/html; charset=utf-8",
               "W/\"frame\"",
               Bytes("<frame>"),
               {},
               {},
               false},
    app::Asset{"/icon.svg", "image/svg+xml", "W/\"icon\"", Bytes("<svg/>"), {}, {}, false},
    app::Asset{"/index.html",
               "text/html; charset=utf-8",
               "W/\"page\"",
               Bytes("<html>"),
               Bytes("gz"),
               {},
               false},
};

net::Response Get(std::vector<std::string> segments, net::Headers headers = {},
                  std::string method = "GET") {
  net::Request request;
  request.method = std::move(method);
  request.segments = std::move(segments);
  request.headers = std::move(headers);
  return ServePage(request, kAssets);
}

std::string Field(const net::Response& response, std::string_view name) {
  return std::string(response.headers.Find(name).value_or(""));
}

TEST(PagesTest, ServesThePageUnderAStrictPolicy) {
  const net::Response page = Get({});
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.body, "<html>");
  EXPECT_EQ(Field(page, "Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(Field(page, "Cache-Control"), "no-cache");
  const std::string policy = Field(page, "Content-Security-Policy");
  EXPECT_NE(policy.find("default-src 'none'"), std::string::npos);
  EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos);
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
}

TEST(PagesTest, FramesAreSandboxedAndMayBeShownByThePageAlone) {
  const net::Response frame = Get({"frame", "diagram.html"});
  const std::string policy = Field(frame, "Content-Security-Policy");
  EXPECT_TRUE(policy.starts_with("sandbox allow-scripts; default-src 'none';")) << policy;
  EXPECT_NE(policy.find("frame-ancestors 'self'"), std::string::npos);
  for (const char* never : {"allow-same-origin", "connect-src", "img-src", "unsafe-eval"}) {
    EXPECT_EQ(policy.find(never), std::string::npos) << never;
  }
  EXPECT_EQ(Field(frame, "X-Frame-Options"), "SAMEORIGIN");
  EXPECT_EQ(Field(Get({}), "X-Frame-Options"), "");  // the server's own DENY
}

TEST(PagesTest, ChoosesTheEncodingTheClientTakes) {
  const auto encoding = [](const std::string& accept) {
    return Field(Get({"assets", "a-1b2c.js"}, {{"Accept-Encoding", accept}}), "Content-Encoding");
  };
  EXPECT_EQ(encoding("gzip, deflate, br, zstd"), "br");
  EXPECT_EQ(encoding("gzip"), "gzip");
  EXPECT_EQ(encoding("GZIP;q=1.0, br;q=0"), "gzip");
  EXPECT_EQ(encoding("br;q=0.1, gzip;q=0.9"), "gzip");
  EXPECT_EQ(encoding("identity"), "");
  EXPECT_EQ(encoding(""), "");
  EXPECT_EQ(Field(Get({"icon.svg"}, {{"Accept-Encoding", "br"}}), "Content-Encoding"), "");
  EXPECT_EQ(Field(Get({}, {{"Accept-Encoding", "br, gzip"}}), "Content-Encoding"), "gzip");
  EXPECT_EQ(Field(Get({}), "Vary"), "Accept-Encoding");
}

TEST(PagesTest, LetsClientsKeepWhatDoesNotChange) {
  EXPECT_EQ(Field(Get({"assets", "a-1b2c.js"}), "Cache-Control"),
            "public, max-age=31536000, immutable");
  const net::Response fresh = Get({}, {{"If-None-Match", "\"other\", W/\"page\""}});
  EXPECT_EQ(fresh.status, 304);
  EXPECT_EQ(fresh.body, "");
  EXPECT_EQ(Field(fresh, "ETag"), "W/\"page\"");
  EXPECT_EQ(Get({}, {{"If-None-Match", "W/\"older\""}}).status, 200);
}

TEST(PagesTest, AnswersAddressesInsideTheAppWithThePage) {
  const net::Headers browser = {{"Accept", "text/html,application/xhtml+xml"}};
  EXPECT_EQ(Get({"chat", "42"}, browser).body, "<html>");
  EXPECT_EQ(Get({"chat", "42"}).status, 404);
  EXPECT_EQ(Get({"v1", "nothing"}, browser).status, 404);
  EXPECT_EQ(Get({"api", "nothing"}, browser).status, 404);
  EXPECT_EQ(Get({"assets", "gone.js"}, browser).status, 404);
  const net::Response refused = Get({}, {}, "POST");
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(Field(refused, "Allow"), "GET, HEAD");
}

}  // namespace
}  // namespace dure::api
