// One request's answer on its way out: the bytes that handlers put in from any thread, taken out by
// the connection. Private to net/.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"

namespace dure::net {

/// Every member is thread-safe. Callbacks are called without the lock held.
class Exchange {
 public:
  struct Settings {
    size_t max_outgoing_bytes;
    bool http11;
    bool head;                           // answer to HEAD: no body bytes
    Headers extra_headers;               // of every answer
    bool keep_alive;                     // false: the answer says that the connection closes
    std::function<bool()> draining;      // the server stops: no keep-alive any more
    std::function<int64_t()> unix_time;  // for Date
    std::function<Response(int, const std::string&)> render_error;
    std::function<void()> wake;  // there is something to take, or the answer has ended
  };

  explicit Exchange(Settings settings) : settings_(std::move(settings)) {}

  // The handler's side, as ResponseWriter says.
  void Send(Response response);
  void StartStream(int status, const Headers& headers);
  WriteResult Write(std::string_view bytes);
  void Finish();
  void Abort();
  void OnClientGone(std::function<void()> callback);
  void OnWritable(std::function<void()> callback);
  /// The handler let go of its writer.
  void Abandon();

  // The connection's side.
  struct Outgoing {
    std::string bytes;
    bool last = false;  // nothing comes after these
  };
  /// What is to be written now. The bytes count as waiting until Written says otherwise.
  Outgoing Take();
  /// The client's kernel took `count` bytes of what Take gave.
  void Written(size_t count);
  /// The buffer is full and has not been half empty since a Write was refused.
  bool lagging() const;
  /// The client has gone: calls the callbacks; from now on Write gives kGone.
  void MarkGone();
  /// Whether the connection can carry another request after this answer.
  bool keep_alive() const;
  bool aborted() const;

 private:
  enum class Phase { kWaiting, kStreaming, kDone };

  using Callbacks = std::vector<std::function<void()>>;

  bool DecideKeepAlive();
  Headers WithExtra(const Headers& headers) const;
  /// Ends the exchange and hands out what must be destroyed without the lock: a callback may own
  /// the writer.
  Callbacks EndLocked();
  void AppendBody(std::string_view bytes);

  const Settings settings_;
  mutable std::mutex mutex_;
  Phase phase_ = Phase::kWaiting;
  bool chunked_ = false;
  bool keep_alive_ = false;
  bool aborted_ = false;
  bool gone_ = false;
  bool lagging_ = false;
  std::string outgoing_;  // not yet taken
  size_t in_flight_ = 0;  // taken, not yet written
  Callbacks on_gone_;
  std::function<void()> on_writable_;
};

/// The writer that a handler holds. Letting go of it abandons the exchange.
std::shared_ptr<ResponseWriter> MakeWriter(std::shared_ptr<Exchange> exchange);

}  // namespace dure::net
