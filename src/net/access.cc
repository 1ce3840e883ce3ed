#include "net/access.h"

#include <algorithm>
#include <string_view>

#include "net/address.h"

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

bool IsOwnOrigin(std::string_view origin, std::string_view host, bool secure) {
  const std::string_view scheme = secure ? "https://" : "http://";
  return origin.starts_with(scheme) && EqualsIgnoreCase(origin.substr(scheme.size()), host);
}

bool IsAllowedHost(std::string_view host, const AccessPolicy& policy) {
  if (policy.allowed_hosts.empty() || Contains(policy.allowed_hosts, HostName(host))) return true;
  return policy.any_address && IpAddress::Parse(host).has_value();
}

}  // namespace

std::optional<RequestError> CheckAccess(const Request& request, const AccessPolicy& policy,
                                        bool secure) {
  const std::string_view host = request.headers.Find("Host").value_or("");
  if (!IsAllowedHost(host, policy)) {
    return RequestError{403,
                        "this server does not answer to the host name of this request; "
                        "allow it with --allow-host"};
  }
  if (request.headers.Count("Origin") > 1) return RequestError{400, "more than one Origin"};
  if (const auto origin = request.headers.Find("Origin")) {
    if (IsOwnOrigin(*origin, host, secure) || Contains(policy.allowed_origins, *origin)) {
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

Headers CrossOriginHeaders(const Request& request, const AccessPolicy& policy) {
  const auto origin = request.headers.Find("Origin");
  if (!origin || !Contains(policy.allowed_origins, *origin)) return {};
  return {{"Access-Control-Allow-Origin", std::string(*origin)},
          {"Access-Control-Expose-Headers", "*"},
          {"Vary", "Origin"}};
}

std::optional<Response> AnswerPreflight(const Request& request, const AccessPolicy& policy) {
  const auto method = request.headers.Find("Access-Control-Request-Method");
  const auto origin = request.headers.Find("Origin");
  if (request.method != "OPTIONS" || !method || !origin) return std::nullopt;
  if (!Contains(policy.allowed_origins, *origin)) return std::nullopt;
  Response response{204, {}, ""};
  response.headers.Add("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE");
  if (const auto fields = request.headers.Find("Access-Control-Request-Headers")) {
    response.headers.Add("Access-Control-Allow-Headers", std::string(*fields));
  }
  response.headers.Add("Access-Control-Max-Age", "600");
  return response;
}

}  // namespace dure::net
