#include "net/request_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dure::net {
namespace {

struct Outcome {
  RequestReader::State state;
  int status = 0;  // of the error
  Request request;
  size_t left = 0;  // bytes behind the request
};

// Offers the bytes `step` at a time, as a connection would.
Outcome Read(const std::string& bytes, size_t step, const RequestLimits& limits = {}) {
  RequestReader reader(limits);
  std::string pending;
  size_t offered = 0;
  for (;;) {
    const size_t taken = reader.Feed(pending);
    pending.erase(0, taken);
    if (reader.state() == RequestReader::State::kFailed ||
        reader.state() == RequestReader::State::kComplete) {
      break;
    }
    if (taken > 0 && !pending.empty()) continue;
    if (offered == bytes.size()) break;
    pending += bytes.substr(offered, step);
    offered = std::min(bytes.size(), offered + step);
  }
  Outcome outcome{reader.state(), 0, {}, pending.size() + bytes.size() - offered};
  if (reader.state() == RequestReader::State::kFailed) outcome.status = reader.error().status;
  if (reader.state() == RequestReader::State::kComplete) outcome.request = reader.TakeRequest();
  return outcome;
}

constexpr size_t kSteps[] = {1, 3, 17, 100'000};

TEST(RequestReaderTest, ReadsARequestHoweverItIsCut) {
  const std::string bytes =
      "POST /v1/chat%20x/a%2Fb?q=%ED%95%9C+1&empty HTTP/1.1\r\nHost: localhost\r\n"
      "X-Multi: one\r\nx-multi: two\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\n";
  for (const size_t step : kSteps) {
    const Outcome outcome = Read(bytes, step);
    ASSERT_EQ(outcome.state, RequestReader::State::kComplete) << step;
    EXPECT_EQ(outcome.request.method, "POST");
    EXPECT_EQ(outcome.request.segments, (std::vector<std::string>{"v1", "chat x", "a/b"}));
    ASSERT_EQ(outcome.request.query.size(), 2u);
    EXPECT_EQ(outcome.request.query[0].second, "한 1");
    EXPECT_EQ(outcome.request.headers.Count("X-MULTI"), 2u);
    EXPECT_EQ(outcome.request.body, "hello");
    EXPECT_EQ(outcome.left, std::string("GET / HTTP/1.1\r\n").size());
  }
}

TEST(RequestReaderTest, ReadsChunkedBodies) {
  const std::string bytes =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;name=\"v\"\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nTrailer: x\r\n\r\nNEXT";
  for (const size_t step : kSteps) {
    const Outcome outcome = Read(bytes, step);
    ASSERT_EQ(outcome.state, RequestReader::State::kComplete) << step;
    EXPECT_EQ(outcome.request.body, "hello world");
    EXPECT_EQ(outcome.left, 4u);
  }
}

TEST(RequestReaderTest, RefusesWhatIsMalformedOrTooLong) {
  struct Case {
    std::string bytes;
    int status;
  };
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\n";
  const Case cases[] = {
      {"\x16\x03\x01 nonsense\r\n\r\n", 400},
      {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nBad\x01Name: a\r\n\r\n", 400},
      {"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /%2e%2e/etc HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {head + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400},
      {head + "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd", 400},
      {head + "Content-Length: 4, 4\r\n\r\nabcd", 400},
      {head + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", 400},
      {head + "Content-Length: -1\r\n\r\n", 400},
      {head + "Content-Length: +4\r\n\r\nabcd", 400},
      {head + "Content-Length: 0x4\r\n\r\nabcd", 400},
      {head + "Content-Length: 99999999999999999999\r\n\r\n", 400},
      {head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {head + "Transfer-Encoding: identity\r\n\r\n", 501},
      {head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n", 400},
      {head + "Expect: a-miracle\r\n\r\n", 417},
      {head + "Content-Length: 1001\r\n\r\n", 413},
      {head + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n", 413},
      {head + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(9000, 'x'), 400},
      {head + "Transfer-Encoding: chunked\r\n\r\n0\r\nT: " + std::string(9000, 'x'), 400},
      {"GET /" + std::string(1100, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
      {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(9000, 'a') + "\r\n\r\n", 431},
  };
  RequestLimits limits;
  limits.max_body_bytes = 1000;
  limits.max_header_bytes = 4096;
  limits.max_target_bytes = 1000;
  limits.max_chunk_line_bytes = 1000;
  for (const Case& c : cases) {
    for (const size_t step : kSteps) {
      const Outcome outcome = Read(c.bytes, step, limits);
      EXPECT_EQ(outcome.state, RequestReader::State::kFailed) << c.bytes.substr(0, 80);
      EXPECT_EQ(outcome.status, c.status) << c.bytes.substr(0, 80) << " in steps of " << step;
    }
  }
}

TEST(RequestReaderTest, CountsAllHeaderFieldsHoweverTheyArrive) {
  std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 150; ++i) bytes += "X" + std::to_string(i) + ": y\r\n";
  bytes += "\r\n";
  std::string endless = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 5000; ++i) endless += "X" + std::to_string(i) + ": y\r\n";
  for (const size_t step : kSteps) {
    EXPECT_EQ(Read(bytes, step).status, 431);
    EXPECT_EQ(Read(endless, step).status, 431) << step;
  }
}

TEST(RequestReaderTest, KnowsWhetherTheConnectionMayStay) {
  EXPECT_TRUE(Read("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 99).request.keep_alive);
  EXPECT_FALSE(
      Read("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 99).request.keep_alive);
  EXPECT_FALSE(Read("GET / HTTP/1.0\r\n\r\n", 99).request.keep_alive);
  EXPECT_TRUE(Read("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 99).request.keep_alive);
}

}  // namespace
}  // namespace dure::net
