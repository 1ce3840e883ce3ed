// Header fields that decide who a request is from: cookies, forwarded addresses, hosts and origins.
// Whatever they hold: an answer, and nothing of it believed from a peer that is not trusted.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/access.h"
#include "net/address.h"
#include "net/cookies.h"

namespace {

using dure::net::AddressRange;
using dure::net::Headers;

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

// Each line is a field: its first byte chooses the name, the rest is the value.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr const char* kNames[] = {"Cookie", "X-Forwarded-For", "X-Forwarded-Proto", "Host",
                                    "Origin"};
  dure::net::Request request;
  request.method = "OPTIONS";
  Headers& headers = request.headers;
  headers.Add("Access-Control-Request-Method", "POST");
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    if (line.empty()) continue;
    const auto kind = static_cast<unsigned char>(line[0]);
    headers.Add(kNames[kind % std::size(kNames)], std::string(line.substr(1)));
    if (const auto address = dure::net::IpAddress::Parse(line.substr(1))) {
      Require(dure::net::IpAddress::Parse(address->ToString()) == *address);
      Require(AddressRange::Parse(address->ToString())->Contains(*address));
    }
    if (const auto range = AddressRange::Parse(line.substr(1))) (void)range->Contains({});
  }
  const auto untrusted = dure::net::ResolveClient("203.0.113.5:80", false, headers, {});
  Require(untrusted.address == "203.0.113.5" && !untrusted.secure);
  const auto trusted =
      dure::net::ResolveClient("10.0.0.1:80", false, headers, {*AddressRange::Parse("10.0.0.0/8")});
  Require(dure::net::IpAddress::Parse(trusted.address).has_value());
  const auto cookie = dure::net::FindCookie(headers, "dure_session");
  Require(!cookie || cookie->find(';') == cookie->npos);
  dure::net::AccessPolicy policy;
  policy.any_address = true;
  policy.allowed_origins = {"https://friend.example"};
  (void)dure::net::CheckAccess(request, policy, trusted.secure);
  const auto preflight = dure::net::AnswerPreflight(request, policy);
  const auto origin = headers.Find("Origin");
  Require(!preflight || (origin && dure::net::EqualsIgnoreCase(*origin, "https://friend.example")));
  return 0;
}
