// The HTTP/1.1 server (RFC 9110, RFC 9112): connections, limits, time-outs and a graceful end. It
// knows bytes and requests, not what they mean.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "net/access.h"
#include "net/address.h"
#include "net/http.h"
#include "net/request_reader.h"
#include "net/router.h"
#include "net/tls.h"

namespace dure::net {

/// Every limit of the server. Time-outs close the connection (after a 408 where a request has
/// begun).
struct ServerOptions {
  std::string host = "127.0.0.1";  // an IP address, or "localhost"
  uint16_t port = 8080;            // 0: any free one
  RequestLimits limits;
  AccessPolicy access;
  TlsFiles tls;                               // empty: no TLS
  std::vector<AddressRange> trusted_proxies;  // whose X-Forwarded-* fields count
  int io_threads = 2;
  int worker_threads = 2;      // for RunOn::kWorker handlers
  int max_connections = 1024;  // beyond it a connection is answered 503 and closed
  int backlog = 1024;          // connections the kernel holds until they are accepted

  std::chrono::milliseconds idle_timeout{75'000};  // between two requests of a connection
  std::chrono::milliseconds header_timeout{
      15'000};  // from a request's first byte to the end of its header
  std::chrono::milliseconds body_timeout{60'000};   // for the whole body
  std::chrono::milliseconds write_timeout{30'000};  // without the client taking a byte
  std::chrono::milliseconds lag_timeout{30'000};    // with the outgoing buffer full all the time
  std::chrono::milliseconds linger_timeout{
      2'000};  // reading on after an error, so that the client sees the answer

  size_t max_outgoing_bytes =
      64 << 10;  // of a stream, waiting for a slow reader; see ResponseWriter::Write
  // Bodies of all requests that are being read or answered, beyond 64 KiB of each -> 503.
  uint64_t max_body_bytes_at_once = 256 << 20;
  size_t max_pipelined_bytes = 64 << 10;  // read ahead while an answer is computed
  size_t socket_send_bytes = 0;           // the kernel's send buffer; 0: its default

  /// The body of an answer that the server itself gives (400, 404, 405, 408, 413, 414, 431, 500,
  /// 503, 505 ...).
  std::function<Response(int status, const std::string& message)> render_error;
  /// Exceptions that left a handler, and failures of accept. Called from any thread; may be empty.
  std::function<void(const std::string& message)> log;
};

struct ServerStats {
  int connections = 0;
  uint64_t requests = 0;  // read completely since the start
};

class Server {
 public:
  /// Binds, listens and starts the threads. Errors: kInvalidArgument (host is no address, TLS files
  /// that do not work), kIo
  /// (address in use, not permitted; one line that names host and port). The router must not change
  /// afterwards.
  static Result<std::unique_ptr<Server>> Start(ServerOptions options, Router router);
  /// Stop(0).
  ~Server();

  /// The port listened on.
  uint16_t port() const;
  /// "http://127.0.0.1:8080" (https with TLS), with brackets around an IPv6 address.
  std::string url() const;
  ServerStats stats() const;

  /// Stops accepting, closes idle connections, lets requests that have begun finish for `drain`,
  /// then closes what is left (their OnClientGone is called) and joins all threads. Blocks; a
  /// second call does nothing.
  void Stop(std::chrono::milliseconds drain);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dure::net
