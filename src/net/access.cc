#include "net/access.h"

#include <algorithm>
#include <string_view>

namespace dure::net {

namespace {

// "127.0.0.1:8080" -> "127.0.0.1", "[::1]:8080" -> "[::1]", "localhost." -> "localhost".
std::string_view HostName(std::string_view host) {
  const size_t bracket = host.starts_with('[') ? host.find(']') : 0;
  if (bracket == host.npos) return host;
  host = host.substr(0, host.find(':', bracket));
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

bool Contains(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& known) { return EqualsIgnoreCase(known, name); });
}

bool IsOwnOrigin(std::string_view origin, std::string_view host) {
  constexpr std::string_view kScheme = "http://";
  return origin.starts_with(kScheme) && EqualsIgnoreCase(origin.substr(kScheme.size()), host);
}

}  // namespace

std::optional<RequestError> CheckAccess(const Request& request, const AccessPolicy& policy) {
  const std::string_view host = request.headers.Find("Host").value_or("");
  if (!policy.allowed_hosts.empty() && !Contains(policy.allowed_hosts, HostName(host))) {
    return RequestError{403,
                        "this server does not answer to the host name of this request; "
                        "allow it with --allow-host"};
  }
  if (request.headers.Count("Origin") > 1) return RequestError{400, "more than one Origin"};
  if (const auto origin = request.headers.Find("Origin")) {
    if (IsOwnOrigin(*origin, host) || Contains(policy.allowed_origins, *origin)) {
      return std::nullopt;
    }
    return RequestError{403,
                        "requests from pages of another origin are refused; "
                        "allow one with --allow-origin"};
  }
  const std::string_view site = request.headers.Find("Sec-Fetch-Site").value_or("none");
  const std::string_view mode = request.headers.Find("Sec-Fetch-Mode").value_or("navigate");
  const bool safe_method = request.method == "GET" || request.method == "HEAD";
  if ((site == "cross-site" || site == "same-site") && !(mode == "navigate" && safe_method)) {
    return RequestError{403, "requests from pages of another origin are refused"};
  }
  return std::nullopt;
}

}  // namespace dure::net
