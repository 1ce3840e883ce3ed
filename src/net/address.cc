#include "net/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace dure::net {

namespace {

constexpr size_t kMostForwardedEntries = 32;
constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// "[::1]:80" -> "::1", "10.0.0.1:80" -> "10.0.0.1"; anything else stays.
std::string_view WithoutPort(std::string_view text) {
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    return end == text.npos ? text : text.substr(1, end - 1);
  }
  const size_t colon = text.find(':');
  const bool one_colon = colon != text.npos && text.find(':', colon + 1) == text.npos;
  return one_colon ? text.substr(0, colon) : text;
}

// Every element of every field of that name, in order.
std::vector<std::string_view> Elements(const Headers& headers, std::string_view name) {
  std::vector<std::string_view> elements;
  for (const auto& [key, value] : headers.fields()) {
    if (!EqualsIgnoreCase(key, name)) continue;
    std::string_view rest = value;
    for (;;) {
      const size_t comma = rest.find(',');
      elements.push_back(Trim(rest.substr(0, comma)));
      if (comma == rest.npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return elements;
}

bool AnyContains(const std::vector<AddressRange>& ranges, const IpAddress& address) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const AddressRange& range) { return range.Contains(address); });
}

}  // namespace

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  const std::string bare(WithoutPort(text));
  if (bare.size() >= INET6_ADDRSTRLEN || bare.find('\0') != bare.npos) return std::nullopt;
  IpAddress address;
  in_addr v4{};
  if (::inet_pton(AF_INET, bare.c_str(), &v4) == 1) {
    std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes.begin());
    std::memcpy(address.bytes.data() + kMappedPrefix.size(), &v4, sizeof v4);
    return address;
  }
  if (::inet_pton(AF_INET6, bare.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

bool IpAddress::is_v4() const {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin());
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes[12] == 127;
  return std::all_of(bytes.begin(), bytes.end() - 1, [](uint8_t byte) { return byte == 0; }) &&
         bytes[15] == 1;
}

std::string IpAddress::ToString() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (is_v4()) {
    ::inet_ntop(AF_INET, bytes.data() + kMappedPrefix.size(), text.data(), text.size());
  } else {
    ::inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
  }
  return text.data();
}

std::string IpAddress::Subscriber() const {
  if (is_v4()) return ToString();
  IpAddress network = *this;
  std::fill(network.bytes.begin() + 8, network.bytes.end(), uint8_t{0});
  return network.ToString() + "/64";
}

Result<AddressRange> AddressRange::Parse(std::string_view text) {
  const auto wrong = Fail(ErrorCode::kInvalidArgument,
                          "'" + std::string(text) + "' is no address range such as 10.0.0.0/8");
  const size_t slash = text.find('/');
  const std::string_view bare = text.substr(0, slash);
  if (bare.find_first_of("[]") != bare.npos) return wrong;
  const auto address = IpAddress::Parse(bare);
  if (!address) return wrong;
  const int width = address->is_v4() ? 32 : 128;
  int bits = width;
  if (slash != text.npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    const bool whole = failed == std::errc() && end == digits.data() + digits.size();
    if (!whole || digits.empty() || bits < 0 || bits > width) return wrong;
  }
  AddressRange range;
  range.first_ = *address;
  range.bits_ = bits + 128 - width;
  return range;
}

bool AddressRange::Contains(const IpAddress& address) const {
  for (int bit = 0; bit < bits_; ++bit) {
    const auto byte = static_cast<size_t>(bit / 8);
    const int mask = 0x80 >> (bit % 8);
    if (((address.bytes[byte] ^ first_.bytes[byte]) & mask) != 0) return false;
  }
  return true;
}

ClientOrigin ResolveClient(std::string_view peer, bool tls, const Headers& headers,
                           const std::vector<AddressRange>& trusted_proxies) {
  const auto address = IpAddress::Parse(peer);
  ClientOrigin origin{address ? address->ToString() : std::string(peer), tls};
  if (!address || !AnyContains(trusted_proxies, *address)) return origin;
  const auto protocols = Elements(headers, "X-Forwarded-Proto");
  if (!protocols.empty()) origin.secure = EqualsIgnoreCase(protocols.back(), "https");
  const auto chain = Elements(headers, "X-Forwarded-For");
  const size_t most = std::min(chain.size(), kMostForwardedEntries);
  for (size_t i = 0; i < most; ++i) {
    const auto entry = IpAddress::Parse(chain[chain.size() - 1 - i]);
    if (!entry) break;
    origin.address = entry->ToString();
    if (!AnyContains(trusted_proxies, *entry)) break;
  }
  return origin;
}

}  // namespace dure::net
