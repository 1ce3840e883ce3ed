// Who may talk to a server that trusts whoever reaches it: the checks that keep other web sites,
// open in the owner's browser, away from it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "net/http.h"
#include "net/request_reader.h"

namespace dure::net {

struct AccessPolicy {
  /// Host names (without port) that a request may be addressed to; another name means that a
  /// foreign DNS name was made to point here (DNS rebinding). Empty: any.
  std::vector<std::string> allowed_hosts = {"localhost", "127.0.0.1", "[::1]"};
  /// Origins ("https://chat.example") whose pages may call beside the server's own.
  std::vector<std::string> allowed_origins;
};

/// The 403 for a request that must not be served, or nothing. A request is refused when its Host is
/// not an allowed name, when its Origin is neither the server's own nor allowed (cross-site request
/// forgery; RFC 6454), and when the browser says that another site caused it (Sec-Fetch-Site)
/// unless it is a plain navigation. Requests without these fields come from programs and pass.
std::optional<RequestError> CheckAccess(const Request& request, const AccessPolicy& policy);

}  // namespace dure::net
