#include "net/request_reader.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <utility>

#include "net/url.h"

namespace dure::net {

namespace http = boost::beast::http;

struct RequestReader::Impl {
  explicit Impl(const RequestLimits& request_limits) : limits(request_limits) {
    parser.header_limit(limits.max_header_bytes);
    parser.body_limit(limits.max_body_bytes);
    parser.eager(false);
  }

  void FailWith(int status, std::string message) {
    state = State::kFailed;
    failure = {status, std::move(message)};
  }

  void FailWith(const boost::system::error_code& ec, std::string_view input);
  void FailTooLong(std::string_view input);
  size_t FeedHeader(std::string_view input);
  size_t FeedBody(std::string_view input);
  void FinishHeader();
  bool CheckFraming();

  RequestLimits limits;
  http::request_parser<http::string_body> parser;
  State state = State::kReadingHeader;
  Request request;
  RequestError failure{};
  bool expects_continue = false;
  size_t header_bytes = 0;  // taken so far; the parser's own limit counts only what it holds back
};

void RequestReader::Impl::FailTooLong(std::string_view input) {
  // When even the first line does not end in time it is the target that is too long.
  const bool in_first_line = header_bytes == 0 && input.find('\n') > limits.max_target_bytes;
  if (in_first_line) return FailWith(414, "the request target is too long");
  FailWith(431, "the request header is longer than the limit of " +
                    std::to_string(limits.max_header_bytes) + " bytes");
}

void RequestReader::Impl::FailWith(const boost::system::error_code& ec, std::string_view input) {
  if (ec == http::error::header_limit) return FailTooLong(input);
  if (ec == http::error::body_limit) {
    return FailWith(413, "the request body is longer than the limit of " +
                             std::to_string(limits.max_body_bytes) + " bytes");
  }
  if (ec == http::error::bad_version) {
    return FailWith(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  }
  FailWith(400, "malformed HTTP request: " + ec.message());
}

// Everything about the message's length must be said once and in one way (RFC 9112 section 6.3).
bool RequestReader::Impl::CheckFraming() {
  const Headers& headers = request.headers;
  if (headers.Count("Content-Length") > 1 || headers.Count("Transfer-Encoding") > 1) {
    FailWith(400, "repeated Content-Length or Transfer-Encoding");
    return false;
  }
  const auto coding = headers.Find("Transfer-Encoding");
  if (!coding) {
    if (const auto length = headers.Find("Content-Length");
        length && length->find_first_not_of("0123456789") != length->npos) {
      FailWith(400, "Content-Length must be one number");
      return false;
    }
    return true;
  }
  if (headers.Has("Content-Length")) {
    FailWith(400, "Content-Length and Transfer-Encoding exclude each other");
    return false;
  }
  if (!request.http11) {
    FailWith(400, "Transfer-Encoding needs HTTP/1.1");
    return false;
  }
  if (!EqualsIgnoreCase(*coding, "chunked")) {
    FailWith(501, "the only transfer coding known here is chunked");
    return false;
  }
  return true;
}

void RequestReader::Impl::FinishHeader() {
  const auto& message = parser.get();
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  request.http11 = message.version() >= 11;
  request.keep_alive = message.keep_alive();
  size_t fields = 0;
  for (const auto& field : message) {
    if (++fields > limits.max_header_fields) {
      return FailWith(431, "the request has more than " + std::to_string(limits.max_header_fields) +
                               " header fields");
    }
    request.headers.Add(std::string(field.name_string()), std::string(field.value()));
  }
  if (request.target.size() > limits.max_target_bytes) {
    return FailWith(414, "the request target is too long");
  }
  if (!CheckFraming()) return;
  if (request.http11 && request.headers.Count("Host") != 1) {
    return FailWith(400, "an HTTP/1.1 request needs exactly one Host");
  }
  auto target = ParseTarget(request.target);
  if (!target) return FailWith(400, target.error().message);
  request.segments = std::move(target->segments);
  request.query = std::move(target->query);
  if (const auto expect = request.headers.Find("Expect"); expect && request.http11) {
    if (!EqualsIgnoreCase(*expect, "100-continue")) {
      return FailWith(417, "the only expectation known here is 100-continue");
    }
    expects_continue = true;
  }
  state = State::kReadingBody;
}

size_t RequestReader::Impl::FeedHeader(std::string_view input) {
  size_t taken = 0;
  // RFC 9112 section 2.2: empty lines before a request line are ignored.
  while (!parser.got_some() && input.substr(taken).starts_with("\r\n")) taken += 2;
  const std::string_view rest = input.substr(taken);
  boost::system::error_code ec;
  if (!rest.empty()) taken += parser.put(boost::asio::buffer(rest.data(), rest.size()), ec);
  if (ec && ec != http::error::need_more) {
    FailWith(ec, rest);
    return taken;
  }
  const bool done = parser.is_header_done();
  if (header_bytes + (done ? taken : input.size()) > limits.max_header_bytes) {
    FailTooLong(rest);
    return taken;
  }
  header_bytes += taken;
  if (done) FinishHeader();
  if (state == State::kReadingBody && parser.is_done()) state = State::kComplete;
  return taken;
}

size_t RequestReader::Impl::FeedBody(std::string_view input) {
  size_t taken = 0;
  while (state == State::kReadingBody && taken < input.size()) {
    const std::string_view rest = input.substr(taken);
    boost::system::error_code ec;
    const size_t count = parser.put(boost::asio::buffer(rest.data(), rest.size()), ec);
    taken += count;
    if (ec && ec != http::error::need_more) {
      FailWith(ec, rest);
    } else if (parser.is_done()) {
      request.body = std::move(parser.get().body());
      state = State::kComplete;
    } else if (ec == http::error::need_more) {
      if (rest.size() - count > limits.max_chunk_line_bytes) {
        FailWith(400, "a chunk header or the trailer of the request is too long");
      }
      break;
    }
  }
  return taken;
}

RequestReader::RequestReader(const RequestLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
RequestReader::~RequestReader() = default;

size_t RequestReader::Feed(std::string_view input) {
  switch (impl_->state) {
    case State::kReadingHeader:
      return impl_->FeedHeader(input);
    case State::kReadingBody:
      return impl_->FeedBody(input);
    default:
      return 0;
  }
}

RequestReader::State RequestReader::state() const { return impl_->state; }
const Request& RequestReader::request() const { return impl_->request; }
Request RequestReader::TakeRequest() { return std::move(impl_->request); }
bool RequestReader::expects_continue() const { return impl_->expects_continue; }
const RequestError& RequestReader::error() const { return impl_->failure; }

}  // namespace dure::net
