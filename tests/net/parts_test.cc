// The small pure parts of net/: targets, routes, access, events, response heads.
#include <gtest/gtest.h>

#include "net/access.h"
#include "net/response_head.h"
#include "net/router.h"
#include "net/sse.h"
#include "net/url.h"

namespace dure::net {
namespace {

TEST(UrlTest, SplitsTargets) {
  EXPECT_EQ(ParseTarget("/")->segments, (std::vector<std::string>{}));
  EXPECT_EQ(ParseTarget("/a/")->segments, (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(ParseTarget("/a//b")->segments, (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(ParseTarget("http://host:1/a?b=c")->segments, (std::vector<std::string>{"a"}));
  EXPECT_EQ(ParseTarget("/?b=c&&d")->query.size(), 2u);
  EXPECT_FALSE(ParseTarget("a"));
  EXPECT_FALSE(ParseTarget("/%4"));
  EXPECT_FALSE(ParseTarget("/?x=%"));
}

Request Get(std::vector<std::string> segments, std::string method = "GET") {
  Request request;
  request.method = std::move(method);
  request.segments = std::move(segments);
  return request;
}

TEST(RouterTest, FindsTheMostLiteralRoute) {
  Router router;
  const Handler none = [](const Request&, const std::shared_ptr<ResponseWriter>&) {};
  router.Add("GET", "/v1/models/{id...}", RunOn::kIoThread, none);
  router.Add("GET", "/v1/models/all", RunOn::kWorker, none);
  router.Add("POST", "/v1/chat", RunOn::kWorker, none);
  router.Add("GET", "/", RunOn::kIoThread, none);

  Request request = Get({"v1", "models", "org", "name"});
  EXPECT_NE(router.Find(request).route, nullptr);
  EXPECT_EQ(request.Parameter("id"), "org/name");
  request = Get({"v1", "models", "all"});
  EXPECT_EQ(router.Find(request).route->run_on, RunOn::kWorker);
  request = Get({}, "HEAD");
  EXPECT_NE(router.Find(request).route, nullptr);
  request = Get({"v1", "chat"});
  EXPECT_EQ(router.Find(request).route, nullptr);
  EXPECT_EQ(router.Find(request).allow, "POST");
  request = Get({"v1"});
  EXPECT_EQ(router.Find(request).route, nullptr);
  EXPECT_EQ(router.Find(request).allow, "");
}

TEST(AccessTest, RefusesForeignPagesAndNames) {
  const AccessPolicy policy{{"localhost", "127.0.0.1", "[::1]"}, {"https://chat.example"}};
  const auto status = [&](Headers headers, std::string method = "POST") {
    Request request;
    request.method = std::move(method);
    request.headers = std::move(headers);
    const auto refused = CheckAccess(request, policy);
    return refused ? refused->status : 0;
  };
  EXPECT_EQ(status({{"Host", "127.0.0.1:8080"}}), 0);
  EXPECT_EQ(status({{"Host", "LOCALHOST:8080"}}), 0);
  EXPECT_EQ(status({{"Host", "[::1]:8080"}}), 0);
  EXPECT_EQ(status({{"Host", "localhost.:8080"}}), 0);
  EXPECT_EQ(status({{"Host", "evil.example"}}), 403);
  EXPECT_EQ(status({{"Host", "127.0.0.1.evil.example"}}), 403);
  EXPECT_EQ(status({{"Host", "[::1"}}), 403);
  EXPECT_EQ(status({}), 403);
  const auto from = [&](const std::string& origin) {
    return status({{"Host", "localhost:8080"}, {"Origin", origin}});
  };
  EXPECT_EQ(from("http://localhost:8080"), 0);
  EXPECT_EQ(from("https://chat.example"), 0);
  EXPECT_EQ(from("http://localhost:3000"), 403);
  EXPECT_EQ(from("https://localhost:8080"), 403);
  EXPECT_EQ(from("http://evil.example"), 403);
  EXPECT_EQ(from("null"), 403);
  const auto site = [&](const std::string& value, const std::string& mode, std::string method) {
    return status({{"Host", "localhost"}, {"Sec-Fetch-Site", value}, {"Sec-Fetch-Mode", mode}},
                  std::move(method));
  };
  EXPECT_EQ(site("cross-site", "no-cors", "GET"), 403);
  EXPECT_EQ(site("same-site", "no-cors", "GET"), 403);
  EXPECT_EQ(site("cross-site", "navigate", "GET"), 0);
  EXPECT_EQ(site("cross-site", "navigate", "POST"), 403);
  EXPECT_EQ(site("same-origin", "cors", "GET"), 0);
}

TEST(SseTest, KeepsEveryLineInsideTheEvent) {
  EXPECT_EQ(SseEvent("a"), "data: a\n\n");
  EXPECT_EQ(SseEvent("a\nb\r\nc\rd"), "data: a\ndata: b\ndata: c\ndata: d\n\n");
  EXPECT_EQ(SseEvent("x", "delta", "7"), "event: delta\nid: 7\ndata: x\n\n");
}

TEST(ResponseHeadTest, CannotBeSplitAndCarriesSecurityFields) {
  const std::string head =
      RenderHead(200, {{"X-Good", "1"}, {"X-Bad", "a\r\nSet-Cookie: b"}, {"Content-Length", "7"}},
                 Framing::kLength, 3, true, 784111777);
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
  EXPECT_NE(head.find("X-Good: 1\r\n"), head.npos);
  EXPECT_EQ(head.find("Set-Cookie"), head.npos);
  EXPECT_EQ(head.find("Content-Length: 7"), head.npos);
  EXPECT_NE(head.find("Content-Length: 3\r\n"), head.npos);
  EXPECT_NE(head.find("X-Content-Type-Options: nosniff\r\n"), head.npos);
  EXPECT_NE(head.find("Content-Security-Policy: default-src 'none'"), head.npos);
}

}  // namespace
}  // namespace dure::net
