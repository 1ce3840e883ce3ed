// Addresses, ranges, proxies, cookies, and what they mean for access.
#include "net/address.h"

#include <gtest/gtest.h>

#include "net/access.h"
#include "net/cookies.h"

namespace dure::net {
namespace {

std::vector<AddressRange> Trusted() {
  return {*AddressRange::Parse("10.0.0.0/8"), *AddressRange::Parse("::1")};
}

TEST(IpAddressTest, ReadsEveryForm) {
  EXPECT_EQ(IpAddress::Parse("10.1.2.3:80")->ToString(), "10.1.2.3");
  EXPECT_EQ(IpAddress::Parse("[::1]:8080")->ToString(), "::1");
  EXPECT_EQ(IpAddress::Parse("::ffff:10.1.2.3")->ToString(), "10.1.2.3");
  EXPECT_EQ(IpAddress::Parse("2001:db8:1:2:3:4:5:6")->Subscriber(), "2001:db8:1:2::/64");
  EXPECT_TRUE(IpAddress::Parse("127.9.9.9")->is_loopback());
  EXPECT_TRUE(IpAddress::Parse("::1")->is_loopback());
  EXPECT_FALSE(IpAddress::Parse("128.0.0.1")->is_loopback());
  for (const char* text : {"", "localhost", "1.2.3", "1.2.3.4.5", "0x7f.1", "127.1", "::g", "[::1",
                           "1.2.3.4:5:6", "unknown", "_hidden"}) {
    EXPECT_FALSE(IpAddress::Parse(text)) << text;
  }
}

TEST(AddressRangeTest, ContainsByPrefix) {
  const AddressRange net = *AddressRange::Parse("192.168.16.0/20");
  EXPECT_TRUE(net.Contains(*IpAddress::Parse("192.168.31.255")));
  EXPECT_FALSE(net.Contains(*IpAddress::Parse("192.168.32.0")));
  EXPECT_TRUE(AddressRange::Parse("0.0.0.0/0")->Contains(*IpAddress::Parse("8.8.8.8")));
  EXPECT_FALSE(AddressRange::Parse("0.0.0.0/0")->Contains(*IpAddress::Parse("2001::1")));
  EXPECT_TRUE(AddressRange::Parse("fd00::/8")->Contains(*IpAddress::Parse("fdff::1")));
  for (const char* text : {"", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8x", "x/8",
                           "::/129", "[::1]/128"}) {
    EXPECT_FALSE(AddressRange::Parse(text)) << text;
  }
}

TEST(ResolveClientTest, OnlyTrustedProxiesAreBelieved) {
  const Headers forged = {{"X-Forwarded-For", "1.1.1.1"}, {"X-Forwarded-Proto", "https"}};
  const ClientOrigin direct = ResolveClient("203.0.113.5:999", false, forged, Trusted());
  EXPECT_EQ(direct.address, "203.0.113.5");
  EXPECT_FALSE(direct.secure);
  const ClientOrigin proxied = ResolveClient("10.0.0.1:999", false, forged, Trusted());
  EXPECT_EQ(proxied.address, "1.1.1.1");
  EXPECT_TRUE(proxied.secure);
  EXPECT_TRUE(ResolveClient("203.0.113.5", true, {}, {}).secure);
}

TEST(ResolveClientTest, ReadsTheChainFromItsEnd) {
  const auto client = [](const Headers& headers) {
    return ResolveClient("[::1]:1", false, headers, Trusted()).address;
  };
  EXPECT_EQ(client({{"X-Forwarded-For", "6.6.6.6, 203.0.113.7, 10.2.2.2"}}), "203.0.113.7");
  EXPECT_EQ(client({{"x-forwarded-for", "6.6.6.6"}, {"X-Forwarded-For", "203.0.113.7"}}),
            "203.0.113.7");
  EXPECT_EQ(client({{"X-Forwarded-For", "203.0.113.7:5555"}}), "203.0.113.7");
  EXPECT_EQ(client({{"X-Forwarded-For", "6.6.6.6, unknown, 10.2.2.2"}}), "10.2.2.2");
  EXPECT_EQ(client({{"X-Forwarded-For", "10.3.3.3, 10.2.2.2"}}), "10.3.3.3");
  EXPECT_EQ(client({{"X-Forwarded-For", ""}}), "::1");
  EXPECT_EQ(client({}), "::1");
  const Headers two = {{"X-Forwarded-Proto", "https, http"}};
  EXPECT_FALSE(ResolveClient("10.0.0.1", false, two, Trusted()).secure);
}

TEST(CookiesTest, AreFoundByTheirWholeName) {
  const Headers headers = {{"Cookie", "a=1; dure=x=y ;b=; dured=2"}, {"cookie", "c=3"}};
  EXPECT_EQ(FindCookie(headers, "dure"), "x=y");
  EXPECT_EQ(FindCookie(headers, "b"), "");
  EXPECT_EQ(FindCookie(headers, "c"), "3");
  EXPECT_FALSE(FindCookie(headers, "dur"));
  EXPECT_FALSE(FindCookie({{"Cookie", "dure"}}, "dure"));
  EXPECT_FALSE(FindCookie({{"Cookie", "dure=1; dure=2"}}, "dure")) << "which is ours?";
  EXPECT_EQ(FindCookie({{"Cookie", "dure=1; dure=1"}}, "dure"), "1");
}

TEST(CookiesTest, AreSetForNobodyElse) {
  EXPECT_EQ(SetCookie("n", "v", 60, true),
            "n=v; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure");
  EXPECT_EQ(SetCookie("n", "", 0, false), "n=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
}

Request With(Headers headers) {
  Request request;
  request.method = "POST";
  request.headers = std::move(headers);
  return request;
}

TEST(AccessSchemeTest, TheOwnOriginHasTheOwnScheme) {
  const Request https = With({{"Host", "localhost:1"}, {"Origin", "https://localhost:1"}});
  const Request http = With({{"Host", "localhost:1"}, {"Origin", "http://localhost:1"}});
  EXPECT_FALSE(CheckAccess(https, {}, true));
  EXPECT_FALSE(CheckAccess(http, {}, false));
  EXPECT_TRUE(CheckAccess(https, {}, false));
  EXPECT_TRUE(CheckAccess(http, {}, true)) << "a page that anybody on the way can write";
}

TEST(AccessSchemeTest, AnAddressIsNoDnsName) {
  AccessPolicy policy;
  const Request request = With({{"Host", "192.168.1.1:80"}});
  EXPECT_TRUE(CheckAccess(request, policy));
  policy.any_address = true;
  EXPECT_FALSE(CheckAccess(request, policy));
  EXPECT_FALSE(CheckAccess(With({{"Host", "[2001:db8::1]:80"}}), policy));
  EXPECT_TRUE(CheckAccess(With({{"Host", "192.168.1.1.evil.example"}}), policy));
}

TEST(CrossOriginTest, OnlyAllowedOriginsMayRead) {
  AccessPolicy policy;
  policy.allowed_origins = {"https://friend.example"};
  const Request friendly = With({{"Host", "localhost"}, {"Origin", "https://friend.example"}});
  EXPECT_EQ(CrossOriginHeaders(friendly, policy).Find("Access-Control-Allow-Origin"),
            "https://friend.example");
  EXPECT_FALSE(CrossOriginHeaders(friendly, policy).Has("Access-Control-Allow-Credentials"));
  const Request own = With({{"Host", "localhost"}, {"Origin", "http://localhost"}});
  EXPECT_TRUE(CrossOriginHeaders(own, policy).fields().empty());
  Request preflight = friendly;
  EXPECT_FALSE(AnswerPreflight(preflight, policy)) << "a POST";
  preflight.method = "OPTIONS";
  EXPECT_FALSE(AnswerPreflight(preflight, policy)) << "no preflight";
  preflight.headers.Add("Access-Control-Request-Method", "POST");
  EXPECT_EQ(AnswerPreflight(preflight, policy)->status, 204);
}

}  // namespace
}  // namespace dure::net
