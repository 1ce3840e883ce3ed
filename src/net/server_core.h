// What all connections of a server share. Private to net/; free of Asio's headers.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "net/server.h"

namespace boost::asio {
class io_context;
class thread_pool;
}  // namespace boost::asio
namespace boost::asio::ssl {
class context;
}  // namespace boost::asio::ssl

namespace dure::net {

class Session;

/// Sessions and exchanges hold it by shared_ptr, so that a handler may let go of its writer after
/// the server has gone.
struct ServerCore {
  ServerCore(ServerOptions server_options, Router server_router);
  ~ServerCore();

  /// Removes a session that has ended.
  void Forget(const Session* session);
  void Log(const std::string& message) const {
    if (options.log) options.log(message);
  }
  Response RenderError(int status, const std::string& message) const;

  const ServerOptions options;
  const Router router;
  std::atomic<bool> draining{false};
  std::atomic<uint64_t> requests{0};
  std::atomic<uint64_t> body_bytes{0};  // counted against max_body_bytes_at_once

  std::unique_ptr<boost::asio::io_context> io;
  std::unique_ptr<boost::asio::thread_pool> workers;
  std::shared_ptr<boost::asio::ssl::context> tls;  // null: none; set before the first session

  std::mutex sessions_mutex;
  std::condition_variable session_ended;
  std::map<const Session*, std::weak_ptr<Session>> sessions;
};

}  // namespace dure::net
