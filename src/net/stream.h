// A connection's bytes, with TLS or without. Private to net/: includes Asio.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <optional>
#include <utility>

namespace dure::net {

/// Used on one strand; one read and one write at a time.
class Stream {
 public:
  using Strand = boost::asio::strand<boost::asio::io_context::executor_type>;
  using Socket = boost::asio::ip::tcp::socket;
  using ErrorCode = boost::system::error_code;

  static auto Report(ErrorCode& ec) {
    return boost::asio::redirect_error(boost::asio::use_awaitable, ec);
  }

  /// Takes over the accepted socket `fd`. tls may be null.
  Stream(const Strand& strand, bool ipv6, int fd, std::shared_ptr<boost::asio::ssl::context> tls)
      : socket_(strand, ipv6 ? boost::asio::ip::tcp::v6() : boost::asio::ip::tcp::v4(), fd),
        context_(std::move(tls)) {
    if (context_) tls_.emplace(socket_, *context_);
  }

  Socket& socket() { return socket_; }
  bool is_tls() const { return tls_.has_value(); }

  boost::asio::awaitable<void> Handshake(ErrorCode& ec) {
    using boost::asio::ssl::stream_base;
    if (tls_) co_await tls_->async_handshake(stream_base::server, Report(ec));
  }

  boost::asio::awaitable<size_t> ReadSome(boost::asio::mutable_buffer buffer, ErrorCode& ec) {
    if (!tls_) co_return co_await socket_.async_read_some(buffer, Report(ec));
    const size_t count = co_await tls_->async_read_some(buffer, Report(ec));
    // A client that closes the connection without TLS's own goodbye has closed it all the same.
    if (ec == boost::asio::ssl::error::stream_truncated) ec = boost::asio::error::eof;
    co_return count;
  }

  boost::asio::awaitable<void> WriteAll(boost::asio::const_buffer buffer, ErrorCode& ec) {
    if (tls_) {
      co_await boost::asio::async_write(*tls_, buffer, Report(ec));
    } else {
      co_await boost::asio::async_write(socket_, buffer, Report(ec));
    }
  }

  template <typename Handler>
  void AsyncWriteSome(boost::asio::const_buffer buffer, Handler handler) {
    if (tls_) {
      tls_->async_write_some(buffer, std::move(handler));
    } else {
      socket_.async_write_some(buffer, std::move(handler));
    }
  }

  /// Says that nothing more will be sent. With TLS it waits for the client to say the same, or to
  /// be cancelled.
  boost::asio::awaitable<void> ShutdownSend() {
    ErrorCode ignored;
    if (tls_) co_await tls_->async_shutdown(Report(ignored));
    socket_.shutdown(Socket::shutdown_send, ignored);
  }

  /// Reads what nobody will look at, past TLS.
  boost::asio::awaitable<size_t> Discard(boost::asio::mutable_buffer buffer, ErrorCode& ec) {
    co_return co_await socket_.async_read_some(buffer, Report(ec));
  }

  void Cancel() {
    ErrorCode ignored;
    socket_.cancel(ignored);
  }
  void Close() {
    ErrorCode ignored;
    socket_.close(ignored);
  }

 private:
  Socket socket_;
  const std::shared_ptr<boost::asio::ssl::context> context_;
  std::optional<boost::asio::ssl::stream<Socket&>> tls_;
};

}  // namespace dure::net
