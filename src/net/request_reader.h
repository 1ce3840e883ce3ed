// Bytes from a connection to a Request: HTTP/1.1 message parsing (RFC 9112) with limits, no
// sockets. Strict where leniency lets two programs disagree about where a request ends (request
// smuggling).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/http.h"

namespace dure::net {

struct RequestLimits {
  uint32_t max_header_bytes = 16 << 10;   // request line and fields together -> 431
  size_t max_target_bytes = 4 << 10;      // -> 414
  size_t max_header_fields = 100;         // -> 431
  uint64_t max_body_bytes = 16 << 20;     // -> 413
  size_t max_chunk_line_bytes = 4 << 10;  // a chunk's size line, or all trailer fields -> 400
};

/// Why a request cannot be read: the HTTP status that answers it, and one line for people.
struct RequestError {
  int status;
  std::string message;
};

/// Reads one request. Not thread-safe.
class RequestReader {
 public:
  enum class State { kReadingHeader, kReadingBody, kComplete, kFailed };

  explicit RequestReader(const RequestLimits& limits);
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  /// Takes bytes from the front of `input` and returns how many; what is not taken must be offered
  /// again, with more behind it. Stops between header and body, and never takes bytes of the next
  /// request. After kFailed the connection cannot be used for another request.
  size_t Feed(std::string_view input);

  State state() const;
  /// REQUIRES state() is kReadingBody or kComplete. The body is empty before kComplete.
  const Request& request() const;
  /// REQUIRES kComplete.
  Request TakeRequest();
  /// REQUIRES kReadingBody: the client waits for "100 Continue" before it sends the body.
  bool expects_continue() const;
  /// REQUIRES kFailed.
  const RequestError& error() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dure::net
