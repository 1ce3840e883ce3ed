#include "net/server.h"

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <ctime>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/response_head.h"
#include "net/server_core.h"
#include "net/session.h"

namespace dure::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

ServerCore::ServerCore(ServerOptions server_options, Router server_router)
    : options(std::move(server_options)),
      router(std::move(server_router)),
      io(std::make_unique<asio::io_context>(std::max(1, options.io_threads))),
      workers(std::make_unique<asio::thread_pool>(
          static_cast<size_t>(std::max(1, options.worker_threads)))) {}

ServerCore::~ServerCore() = default;

void ServerCore::Forget(const Session* session) {
  const std::lock_guard lock(sessions_mutex);
  sessions.erase(session);
  session_ended.notify_all();
}

Response ServerCore::RenderError(int status, const std::string& message) const {
  if (options.render_error) return options.render_error(status, message);
  return {status, {{"Content-Type", "text/plain; charset=utf-8"}}, message + "\n"};
}

struct Server::Impl {
  explicit Impl(std::shared_ptr<ServerCore> server_core)
      : core(std::move(server_core)),
        work(core->io->get_executor()),
        strand(core->io->get_executor()),
        acceptor(strand),
        retry_timer(strand) {}

  Result<void> Listen();
  void Accept();
  asio::awaitable<void> AcceptLoop();
  void Adopt(tcp::socket socket, const tcp::endpoint& peer);
  bool WaitForSessions(std::chrono::milliseconds time);
  std::vector<std::shared_ptr<Session>> LiveSessions();

  std::shared_ptr<ServerCore> core;
  asio::executor_work_guard<asio::io_context::executor_type> work;
  asio::strand<asio::io_context::executor_type> strand;
  tcp::acceptor acceptor;
  asio::steady_timer retry_timer;
  tcp::endpoint bound;
  std::vector<std::thread> threads;
  std::once_flag stopped;
};

namespace {

std::string EndpointText(const tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  const std::string host = endpoint.address().is_v6() ? "[" + address + "]" : address;
  return host + ":" + std::to_string(endpoint.port());
}

void RunIo(const ServerCore& core) {
  for (;;) {
    try {
      core.io->run();
      return;
    } catch (const std::exception& failure) {  // a callback's; the loop itself does not throw
      core.Log(std::string("callback failed: ") + failure.what());
    }
  }
}

// Best effort, without waiting: the connection is not worth a session.
void RefuseConnection(const ServerCore& core, tcp::socket& socket) {
  if (core.tls) return;  // nothing can be said before a handshake
  Response response = core.RenderError(503, "too many connections");
  response.headers.Set("Retry-After", "1");
  const std::string bytes =
      RenderHead(503, response.headers, Framing::kLength, response.body.size(), false,
                 static_cast<int64_t>(std::time(nullptr))) +
      response.body;
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(bytes), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

}  // namespace

Result<void> Server::Impl::Listen() {
  const ServerOptions& options = core->options;
  error_code ec;
  const std::string host = options.host == "localhost" ? "127.0.0.1" : options.host;
  const asio::ip::address address = asio::ip::make_address(host, ec);
  if (ec) return Fail(ErrorCode::kInvalidArgument, "'" + options.host + "' is not an IP address");
  const tcp::endpoint wanted(address, options.port);
  const auto failed = [&](const char* what) {
    const bool in_use = ec == asio::error::address_in_use;
    return Fail(ErrorCode::kIo, std::string(what) + " " + EndpointText(wanted) + ": " +
                                    (in_use ? "the port is in use by another program; choose "
                                              "another with --port"
                                            : ec.message()));
  };
  acceptor.open(wanted.protocol(), ec);
  if (ec) return failed("cannot open a socket for");
  acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
  acceptor.bind(wanted, ec);
  if (ec) return failed("cannot listen on");
  acceptor.listen(options.backlog, ec);
  if (ec) return failed("cannot listen on");
  bound = acceptor.local_endpoint(ec);
  if (ec) return failed("cannot listen on");
  return {};
}

void Server::Impl::Accept() {
  asio::co_spawn(strand, [this] { return AcceptLoop(); }, asio::detached);
}

asio::awaitable<void> Server::Impl::AcceptLoop() {
  while (!core->draining) {
    error_code ec;
    tcp::endpoint peer;
    tcp::socket socket = co_await acceptor.async_accept(
        *core->io, peer, asio::redirect_error(asio::use_awaitable, ec));
    if (core->draining) break;
    if (!ec) {
      Adopt(std::move(socket), peer);
      continue;
    }
    if (ec == asio::error::connection_aborted) continue;
    // Out of file descriptors or memory: connections in progress will give some back.
    core->Log("cannot accept a connection: " + ec.message());
    retry_timer.expires_after(std::chrono::milliseconds(100));
    co_await retry_timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
  }
}

void Server::Impl::Adopt(tcp::socket socket, const tcp::endpoint& peer) {
  std::shared_ptr<Session> session;
  {
    const std::lock_guard lock(core->sessions_mutex);
    if (core->sessions.size() >= static_cast<size_t>(core->options.max_connections)) {
      return RefuseConnection(*core, socket);
    }
    error_code ec;
    const int fd = socket.release(ec);
    if (ec) return;
    session = MakeSession(core, fd, bound.address().is_v6(), EndpointText(peer));
    core->sessions.emplace(session.get(), session);
  }
  session->Start();
}

std::vector<std::shared_ptr<Session>> Server::Impl::LiveSessions() {
  std::vector<std::shared_ptr<Session>> live;
  const std::lock_guard lock(core->sessions_mutex);
  for (const auto& [key, weak] : core->sessions) {
    if (auto session = weak.lock()) live.push_back(std::move(session));
  }
  return live;
}

bool Server::Impl::WaitForSessions(std::chrono::milliseconds time) {
  std::unique_lock lock(core->sessions_mutex);
  return core->session_ended.wait_for(lock, time, [&] { return core->sessions.empty(); });
}

Result<std::unique_ptr<Server>> Server::Start(ServerOptions options, Router router) {
  auto impl =
      std::make_unique<Impl>(std::make_shared<ServerCore>(std::move(options), std::move(router)));
  if (!impl->core->options.tls.empty()) {
    auto tls = MakeTlsContext(impl->core->options.tls);
    if (!tls) return tl::unexpected(tls.error());
    impl->core->tls = std::move(*tls);
  }
  if (auto listening = impl->Listen(); !listening) return tl::unexpected(listening.error());
  impl->Accept();
  for (int i = 0; i < std::max(1, impl->core->options.io_threads); ++i) {
    impl->threads.emplace_back([core = impl->core] { RunIo(*core); });
  }
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() { Stop(std::chrono::milliseconds(0)); }

uint16_t Server::port() const { return impl_->bound.port(); }

std::string Server::url() const {
  return (impl_->core->tls ? "https://" : "http://") + EndpointText(impl_->bound);
}

ServerStats Server::stats() const {
  const std::lock_guard lock(impl_->core->sessions_mutex);
  return {static_cast<int>(impl_->core->sessions.size()), impl_->core->requests.load()};
}

void Server::Stop(std::chrono::milliseconds drain) {
  std::call_once(impl_->stopped, [&] {
    Impl& impl = *impl_;
    impl.core->draining = true;
    asio::post(impl.strand, [&impl] {
      error_code ignored;
      impl.acceptor.close(ignored);
      impl.retry_timer.cancel();
    });
    for (const auto& session : impl.LiveSessions()) session->Drain();
    if (!impl.WaitForSessions(drain)) {
      for (const auto& session : impl.LiveSessions()) session->ForceClose();
    }
    // Without work, and with every socket closed, the threads come to their end by themselves.
    impl.work.reset();
    for (std::thread& thread : impl.threads) thread.join();
    impl.core->workers->join();
  });
}

}  // namespace dure::net
