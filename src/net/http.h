// HTTP requests and responses as plain values (RFC 9110), and the two ends of one exchange: what a
// handler is given and what it answers through.
#pragma once

#include <any>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dure::net {

/// Field names compare without regard to ASCII case. Order of appearance is kept.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}

  void Add(std::string name, std::string value);
  /// Replaces every field of that name.
  void Set(std::string name, std::string value);
  /// The first field of that name.
  std::optional<std::string_view> Find(std::string_view name) const;
  size_t Count(std::string_view name) const;
  bool Has(std::string_view name) const { return Count(name) > 0; }
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// ASCII case-insensitive equality.
bool EqualsIgnoreCase(std::string_view a, std::string_view b);

struct Request {
  std::string method;                 // as sent: "GET"
  std::string target;                 // as sent, origin form: "/v1/models?x=1"
  std::vector<std::string> segments;  // of the path, percent-decoded: {"v1", "models"}; {} for "/"
  std::vector<std::pair<std::string, std::string>> query;  // decoded, '+' is a space
  Headers headers;
  std::string body;
  std::string peer;        // "127.0.0.1:54321"
  std::string client;      // the sender's address as trusted proxies tell it: "203.0.113.9"
  bool secure = false;     // the sender spoke TLS, with us or with a trusted proxy
  bool http11 = true;      // false: HTTP/1.0
  bool keep_alive = true;  // what the client asked for
  std::vector<std::pair<std::string, std::string>> parameters;  // of the route: {"id", "llama"}
  std::any context;  // what the route's guard found out, for the route's handler

  /// "" when the route has no such parameter.
  std::string_view Parameter(std::string_view name) const;
};

struct Response {
  int status = 200;
  Headers headers;  // Content-Length, Date and Connection are the server's business
  std::string body;
};

enum class WriteResult {
  kAccepted,
  kFull,  // nothing was taken: the client reads too slowly. OnWritable tells when to try again
  kGone,  // the client has left or the server closed the connection: stop producing
};

/// Answers one request, either with Send, or with StartStream, any number of Write and Finish.
/// Every member may be called from any thread, never blocks, and is ignored once the exchange is
/// over. Letting go of the writer before the answer is complete closes the connection (after a 500
/// if nothing has been sent).
class ResponseWriter {
 public:
  virtual ~ResponseWriter() = default;
  virtual void Send(Response response) = 0;
  /// Body framing (chunked, or until close for HTTP/1.0) is the server's business.
  virtual void StartStream(int status, Headers headers) = 0;
  /// All of `bytes` or nothing is taken. Bytes above ServerOptions::max_outgoing_bytes wait in the
  /// caller.
  virtual WriteResult Write(std::string_view bytes) = 0;
  virtual void Finish() = 0;
  /// Closes the connection without completing the answer.
  virtual void Abort() = 0;
  /// Called once, when the client is known to have gone before the answer was complete (immediately
  /// if it already has), from an I/O thread: must return quickly. A client that closes only its
  /// sending side counts as gone.
  virtual void OnClientGone(std::function<void()> callback) = 0;
  /// Called once, from an I/O thread, when the outgoing buffer has room again after a kFull.
  virtual void OnWritable(std::function<void()> callback) = 0;
};

using Handler = std::function<void(const Request&, std::shared_ptr<ResponseWriter>)>;

/// Lets a request through to its handler, having set its context, or answers in its place. Runs on
/// an I/O thread, so that a refusal is quick however busy the workers are.
using Guard = std::function<std::optional<Response>(Request&)>;

}  // namespace dure::net
