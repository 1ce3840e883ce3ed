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
  /// An IP address as the Host is fine whichever it is: no DNS name can be one.
  bool any_address = false;
};

/// The 403 for a request that must not be served, or nothing. A request is refused when its Host is
/// not an allowed name, when its Origin is neither the server's own nor allowed (cross-site request
/// forgery; RFC 6454), and when the browser says that another site caused it (Sec-Fetch-Site)
/// unless it is a plain navigation. Requests without these fields come from programs and pass.
/// `secure`: the client spoke TLS, so that the server's own origin begins with https.
std::optional<RequestError> CheckAccess(const Request& request, const AccessPolicy& policy,
                                        bool secure = false);

/// The fields that let a page of an allowed foreign origin read the answer (CORS, Fetch Standard
/// section 3.2); none for others.
Headers CrossOriginHeaders(const Request& request, const AccessPolicy& policy);
/// The answer to a preflight of an allowed foreign origin; nothing for other requests.
std::optional<Response> AnswerPreflight(const Request& request, const AccessPolicy& policy);

}  // namespace dure::net
