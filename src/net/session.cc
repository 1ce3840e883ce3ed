#include "net/session.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <ctime>
#include <exception>
#include <optional>
#include <utility>

#include "net/access.h"
#include "net/exchange.h"
#include "net/request_reader.h"
#include "net/server_core.h"
#include "net/stream.h"

namespace dure::net {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;
using Strand = asio::strand<asio::io_context::executor_type>;

namespace {

/// A time-out that can be armed again and again; what was armed before never fires.
class Deadline {
 public:
  explicit Deadline(const Strand& strand) : timer_(strand) {}

  template <typename Callback>
  void Arm(milliseconds after, Callback on_expiry) {
    timer_.expires_after(after);
    timer_.async_wait([this, on_expiry, round = ++round_](const error_code& ec) {
      // on_expiry keeps the owner of this Deadline alive only while it runs: see weak_from_this at
      // the callers.
      if (!ec) on_expiry([this, round] { return round == round_; });
    });
  }
  void Cancel() {
    ++round_;
    timer_.cancel();
  }

 private:
  asio::steady_timer timer_;
  uint64_t round_ = 0;
};

/// What a request's body takes of what all bodies together may.
class BodyShare {
 public:
  explicit BodyShare(ServerCore& core) : core_(core) {}
  ~BodyShare() { core_.body_bytes -= counted_; }
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;

  /// False when there is no room for so much more.
  bool Add(size_t bytes) {
    constexpr uint64_t kFree = 64 << 10;
    read_ += bytes;
    const uint64_t more = read_ > kFree ? std::min<uint64_t>(bytes, read_ - kFree) : 0;
    counted_ += more;
    return (core_.body_bytes += more) <= core_.options.max_body_bytes_at_once || more == 0;
  }

 private:
  ServerCore& core_;
  uint64_t read_ = 0;
  uint64_t counted_ = 0;
};

class SessionImpl : public Session, public std::enable_shared_from_this<SessionImpl> {
 public:
  SessionImpl(std::shared_ptr<ServerCore> core, int fd, bool ipv6, std::string peer)
      : core_(std::move(core)),
        peer_(std::move(peer)),
        strand_(core_->io->get_executor()),
        stream_(strand_, ipv6, fd, core_->tls),
        read_deadline_(strand_),
        write_deadline_(strand_),
        lag_deadline_(strand_),
        event_(strand_) {}

  void Start() override;
  void Drain() override;
  void ForceClose() override;

 private:
  using Reader = RequestReader::State;

  asio::awaitable<void> Run();
  asio::awaitable<bool> Handshake();
  asio::awaitable<std::optional<Request>> ReadRequest(BodyShare& body);
  asio::awaitable<bool> ReadMore();
  asio::awaitable<void> OnHeader(const RequestReader& reader);
  asio::awaitable<void> Respond(Request request);
  asio::awaitable<void> SendError(int status, std::string message);
  asio::awaitable<void> WaitForEvent();
  asio::awaitable<void> WatchClient();
  asio::awaitable<void> Linger();

  std::shared_ptr<Exchange> NewExchange(bool http11, bool head, bool keep_alive);
  void Dispatch(Request request, const std::shared_ptr<Exchange>& exchange);
  void ArmRead(milliseconds after);
  void Wake();
  void Pump();
  void WriteSome();
  void OnWritten(const error_code& ec, size_t count);
  void CheckLag();
  void ResponseWritten();
  void Close();

  const std::shared_ptr<ServerCore> core_;
  const std::string peer_;
  Strand strand_;
  Stream stream_;
  Deadline read_deadline_;    // idle, header, body or linger time
  Deadline write_deadline_;   // no byte taken by the client
  Deadline lag_deadline_;     // buffer full all the time
  asio::steady_timer event_;  // cancelled to wake WaitForEvent

  ClientOrigin origin_;  // of the request being read or answered
  Headers cors_;         // that its answer needs
  std::string input_;    // read from the socket, not yet part of a request
  std::array<char, 16 << 10> chunk_;
  std::shared_ptr<Exchange> current_;  // the answer being written
  Exchange::Outgoing writing_bytes_;
  size_t written_ = 0;
  std::atomic<bool> wake_pending_{false};
  bool writing_ = false;
  bool response_done_ = true;
  bool watching_ = false;         // a read is pending while an answer is computed
  bool between_requests_ = true;  // no byte of the next request has come
  bool timed_out_ = false;
  bool peer_closed_ = false;  // the client closed its sending side
  bool closed_ = false;
  bool lag_armed_ = false;
};

void SessionImpl::Start() {
  error_code ignored;
  stream_.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
  if (core_->options.socket_send_bytes > 0) {
    stream_.socket().set_option(
        asio::socket_base::send_buffer_size(static_cast<int>(core_->options.socket_send_bytes)),
        ignored);
  }
  asio::co_spawn(strand_, [self = shared_from_this()] { return self->Run(); }, asio::detached);
}

void SessionImpl::Drain() {
  asio::post(strand_, [self = shared_from_this()] {
    if (self->between_requests_ && self->response_done_) self->Close();
  });
}

void SessionImpl::ForceClose() {
  asio::post(strand_, [self = shared_from_this()] { self->Close(); });
}

void SessionImpl::Close() {
  if (closed_) return;
  closed_ = true;
  stream_.Close();
  read_deadline_.Cancel();
  write_deadline_.Cancel();
  lag_deadline_.Cancel();
  event_.cancel();
  if (current_) current_->MarkGone();
}

asio::awaitable<void> SessionImpl::Run() {
  try {
    if (!co_await Handshake()) closed_ = true;
    while (!closed_) {
      BodyShare body(*core_);
      std::optional<Request> request = co_await ReadRequest(body);
      if (!request) break;
      co_await Respond(std::move(*request));
      if (peer_closed_ || !current_->keep_alive()) break;
      current_.reset();
    }
    if (!closed_) co_await Linger();
  } catch (const std::exception& failure) {
    core_->Log(std::string("connection of ") + peer_ + ": " + failure.what());
  }
  Close();
  core_->Forget(this);
}

asio::awaitable<bool> SessionImpl::Handshake() {
  if (!stream_.is_tls()) co_return true;
  ArmRead(core_->options.header_timeout);
  error_code ec;
  co_await stream_.Handshake(ec);
  read_deadline_.Cancel();
  if (ec) stream_.Close();
  co_return !ec && !closed_;
}

void SessionImpl::ArmRead(milliseconds after) {
  timed_out_ = false;
  read_deadline_.Arm(after, [weak = weak_from_this()](const auto& still_armed) {
    const auto self = weak.lock();
    if (!self || !still_armed()) return;
    self->timed_out_ = true;
    self->stream_.Cancel();
  });
}

// False when nothing more will come: end of file, an error or a time-out.
asio::awaitable<bool> SessionImpl::ReadMore() {
  error_code ec;
  const size_t count = co_await stream_.ReadSome(asio::buffer(chunk_), ec);
  if (ec == asio::error::eof) peer_closed_ = true;
  if (ec || closed_) co_return false;
  input_.append(chunk_.data(), count);
  co_return true;
}

asio::awaitable<std::optional<Request>> SessionImpl::ReadRequest(BodyShare& body) {
  const ServerOptions& options = core_->options;
  RequestReader reader(options.limits);
  bool header_seen = false;
  between_requests_ = input_.empty();
  if (between_requests_ && core_->draining) co_return std::nullopt;
  ArmRead(between_requests_ ? options.idle_timeout : options.header_timeout);
  for (;;) {
    const size_t taken = reader.Feed(input_);
    input_.erase(0, taken);
    if (header_seen && !body.Add(taken)) {
      co_await SendError(503, "the bodies of all requests together are too large; try again later");
      co_return std::nullopt;
    }
    if (reader.state() == Reader::kFailed) {
      co_await SendError(reader.error().status, reader.error().message);
      co_return std::nullopt;
    }
    if (!header_seen && reader.state() != Reader::kReadingHeader) {
      header_seen = true;
      const Request& head = reader.request();
      origin_ = ResolveClient(peer_, stream_.is_tls(), head.headers, options.trusted_proxies);
      cors_ = CrossOriginHeaders(head, options.access);
      if (const auto refused = CheckAccess(head, options.access, origin_.secure)) {
        co_await SendError(refused->status, refused->message);
        co_return std::nullopt;
      }
      ArmRead(options.body_timeout);
      if (reader.state() == Reader::kReadingBody && input_.empty()) co_await OnHeader(reader);
      if (!input_.empty()) continue;
    }
    if (reader.state() == Reader::kComplete) break;
    if (!co_await ReadMore()) {
      if (timed_out_ && !between_requests_ && !closed_) {
        co_await SendError(408, "the request did not arrive in time");
      }
      co_return std::nullopt;
    }
    if (std::exchange(between_requests_, false)) ArmRead(options.header_timeout);
  }
  read_deadline_.Cancel();
  Request request = reader.TakeRequest();
  request.peer = peer_;
  request.client = origin_.address;
  request.secure = origin_.secure;
  co_return request;
}

asio::awaitable<void> SessionImpl::OnHeader(const RequestReader& reader) {
  if (!reader.expects_continue()) co_return;
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  error_code ec;  // a failure shows at the next read
  co_await stream_.WriteAll(asio::buffer(kContinue), ec);
}

std::shared_ptr<Exchange> SessionImpl::NewExchange(bool http11, bool head, bool keep_alive) {
  Exchange::Settings settings{
      .max_outgoing_bytes = core_->options.max_outgoing_bytes,
      .http11 = http11,
      .head = head,
      .extra_headers = cors_,
      .keep_alive = keep_alive,
      .draining = [core = core_] { return core->draining.load(); },
      .unix_time = [] { return static_cast<int64_t>(std::time(nullptr)); },
      .render_error = [core = core_](
                          int status,
                          const std::string& text) { return core->RenderError(status, text); },
      .wake =
          [weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->Wake();
          },
  };
  return std::make_shared<Exchange>(std::move(settings));
}

void Invoke(const ServerCore& core, const Handler& handler, const Request& request,
            const std::shared_ptr<ResponseWriter>& writer) {
  try {
    handler(request, writer);
  } catch (const std::exception& failure) {
    core.Log(request.method + " " + request.target + ": " + failure.what());
    writer->Send(core.RenderError(500, "the server failed to answer this request"));
    writer->Abort();
  }
}

std::optional<Response> Ask(const ServerCore& core, const Guard& guard, Request& request) {
  try {
    return guard(request);
  } catch (const std::exception& failure) {
    core.Log(request.method + " " + request.target + ": " + failure.what());
    return core.RenderError(500, "the server failed to answer this request");
  }
}

void SessionImpl::Dispatch(Request request, const std::shared_ptr<Exchange>& exchange) {
  const std::shared_ptr<ResponseWriter> writer = MakeWriter(exchange);
  if (auto preflight = AnswerPreflight(request, core_->options.access)) {
    return writer->Send(std::move(*preflight));
  }
  const Router::Match match = core_->router.Find(request);
  if (match.route == nullptr) {
    const int status = match.allow.empty() ? 404 : 405;
    Response response =
        core_->RenderError(status, status == 404 ? "there is nothing at this path"
                                                 : "this path does not take " + request.method);
    if (status == 405) response.headers.Set("Allow", match.allow);
    return writer->Send(std::move(response));
  }
  if (match.route->guard) {
    if (auto refused = Ask(*core_, match.route->guard, request)) {
      return writer->Send(std::move(*refused));
    }
  }
  if (match.route->run_on == RunOn::kIoThread) {
    return Invoke(*core_, match.route->handler, request, writer);
  }
  asio::post(*core_->workers, [core = core_, route = match.route, writer,
                               held = std::make_shared<Request>(std::move(request))] {
    Invoke(*core, route->handler, *held, writer);
  });
}

asio::awaitable<void> SessionImpl::Respond(Request request) {
  ++core_->requests;
  current_ = NewExchange(request.http11, request.method == "HEAD", request.keep_alive);
  response_done_ = false;
  Dispatch(std::move(request), current_);
  while (!response_done_ && !closed_) {
    if (peer_closed_ || input_.size() >= core_->options.max_pipelined_bytes) {
      co_await WaitForEvent();
    } else {
      co_await WatchClient();
    }
  }
}

// Reads while an answer is computed: the next request may come, or the client may leave.
asio::awaitable<void> SessionImpl::WatchClient() {
  error_code ec;
  watching_ = true;
  const size_t count = co_await stream_.ReadSome(asio::buffer(chunk_), ec);
  watching_ = false;
  if (!ec) {
    input_.append(chunk_.data(), count);
  } else if (ec == asio::error::eof) {
    peer_closed_ = true;
    current_->MarkGone();
  } else if (ec != asio::error::operation_aborted) {
    Close();
  }
}

asio::awaitable<void> SessionImpl::SendError(int status, std::string message) {
  current_ = NewExchange(true, false, false);
  response_done_ = false;
  current_->Send(core_->RenderError(status, message));
  while (!response_done_ && !closed_) co_await WaitForEvent();
}

asio::awaitable<void> SessionImpl::WaitForEvent() {
  event_.expires_at(std::chrono::steady_clock::time_point::max());
  error_code ignored;
  co_await event_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

// Closing while the client still sends would reset the connection and could take our answer with
// it.
asio::awaitable<void> SessionImpl::Linger() {
  ArmRead(core_->options.linger_timeout);
  co_await stream_.ShutdownSend();
  const uint64_t limit = core_->options.limits.max_body_bytes;
  for (uint64_t read = 0; !peer_closed_ && !closed_ && !timed_out_ && read < limit;) {
    error_code ec;
    read += co_await stream_.Discard(asio::buffer(chunk_), ec);
    if (ec) break;
  }
}

void SessionImpl::Wake() {
  if (wake_pending_.exchange(true)) return;
  asio::post(strand_, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->wake_pending_ = false;
    self->Pump();
  });
}

void SessionImpl::Pump() {
  if (closed_ || !current_ || response_done_) return;
  CheckLag();
  if (writing_) return;
  writing_bytes_ = current_->Take();
  written_ = 0;
  if (!writing_bytes_.bytes.empty()) {
    writing_ = true;
    WriteSome();
  } else if (writing_bytes_.last) {
    ResponseWritten();
  }
}

void SessionImpl::WriteSome() {
  write_deadline_.Arm(core_->options.write_timeout,
                      [weak = weak_from_this()](const auto& still_armed) {
                        const auto self = weak.lock();
                        if (self && still_armed()) self->Close();
                      });
  const std::string& bytes = writing_bytes_.bytes;
  stream_.AsyncWriteSome(asio::buffer(bytes.data() + written_, bytes.size() - written_),
                         [self = shared_from_this()](const error_code& ec, size_t count) {
                           self->OnWritten(ec, count);
                         });
}

void SessionImpl::OnWritten(const error_code& ec, size_t count) {
  write_deadline_.Cancel();
  if (closed_ || !current_) return;
  if (ec) return Close();
  current_->Written(count);
  written_ += count;
  if (written_ < writing_bytes_.bytes.size()) {
    CheckLag();
    return WriteSome();
  }
  writing_ = false;
  if (writing_bytes_.last) return ResponseWritten();
  Pump();
}

void SessionImpl::CheckLag() {
  const bool lagging = current_->lagging();
  if (lagging == lag_armed_) return;
  lag_armed_ = lagging;
  if (!lagging) return lag_deadline_.Cancel();
  lag_deadline_.Arm(core_->options.lag_timeout, [weak = weak_from_this()](const auto& still_armed) {
    const auto self = weak.lock();
    if (self && still_armed()) self->Close();
  });
}

void SessionImpl::ResponseWritten() {
  response_done_ = true;
  lag_deadline_.Cancel();
  lag_armed_ = false;
  if (current_->aborted()) return Close();
  if (watching_) stream_.Cancel();
  event_.cancel();
}

}  // namespace

std::shared_ptr<Session> MakeSession(std::shared_ptr<ServerCore> core, int fd, bool ipv6,
                                     std::string peer) {
  return std::make_shared<SessionImpl>(std::move(core), fd, ipv6, std::move(peer));
}

}  // namespace dure::net
