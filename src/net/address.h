// IP addresses, ranges of them, and where a request really came from when proxies stand between.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "net/http.h"

namespace dure::net {

/// An IPv4 address is its IPv6 form ::ffff:a.b.c.d.
struct IpAddress {
  std::array<uint8_t, 16> bytes{};

  /// "127.0.0.1", "::1", also with brackets or a port: "[::1]:8080", "10.0.0.1:80".
  static std::optional<IpAddress> Parse(std::string_view text);
  bool is_v4() const;
  bool is_loopback() const;
  /// The usual short form, without brackets.
  std::string ToString() const;
  /// What one subscriber has: the address for IPv4, its /64 for IPv6.
  std::string Subscriber() const;

  bool operator==(const IpAddress&) const = default;
};

/// A range in CIDR notation (RFC 4632): "10.0.0.0/8", "fd00::/8", or one address.
class AddressRange {
 public:
  /// Errors: kInvalidArgument.
  static Result<AddressRange> Parse(std::string_view text);
  bool Contains(const IpAddress& address) const;

 private:
  IpAddress first_;
  int bits_ = 128;
};

/// Who sent a request, and whether its way here was encrypted.
struct ClientOrigin {
  std::string address;  // without a port
  bool secure = false;
};

/// `peer`: the address at the other end of the connection. Where it is a trusted proxy,
/// X-Forwarded-For is read from its end, the nearest proxy's entry, up to the first address that is
/// not trusted, and X-Forwarded-Proto's last value says whether the client spoke TLS. Entries that
/// are no addresses end the reading: nothing in front of them is believed.
ClientOrigin ResolveClient(std::string_view peer, bool tls, const Headers& headers,
                           const std::vector<AddressRange>& trusted_proxies);

}  // namespace dure::net
