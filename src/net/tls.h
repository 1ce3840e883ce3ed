// The server's end of TLS (RFC 8446, RFC 5246). Private to net/; free of Asio's headers.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"

namespace boost::asio::ssl {
class context;
}

namespace dure::net {

struct TlsFiles {
  std::string certificate;  // PEM: the server's, then those that lead to the root
  std::string key;          // PEM, without a passphrase
  bool empty() const { return certificate.empty() && key.empty(); }
};

/// TLS 1.2 and 1.3, HTTP/1.1 by ALPN. Errors: kInvalidArgument: a file that cannot be read or is no
/// PEM, or a key that does not belong to the certificate; one line that names the file.
Result<std::shared_ptr<boost::asio::ssl::context>> MakeTlsContext(const TlsFiles& files);

}  // namespace dure::net
