// A TCP client that sends exactly the bytes it is told and shows exactly the bytes that come back.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace dure::test {

struct RawResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // chunks joined
  bool complete = false;                       // ended as its framing says
};

class RawClient {
 public:
  /// receive_bytes > 0: a small receive buffer, for a reader that is easily overrun.
  explicit RawClient(uint16_t port, int receive_bytes = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_bytes > 0) {
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawClient() { Close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }

  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return true;
  }

  void HalfClose() { ::shutdown(fd_, SHUT_WR); }

  void Close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  /// Closes with a reset instead of an orderly end.
  void Reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    Close();
  }

  /// Reads once. False at the end of the stream, on an error, or when nothing comes for timeout_ms.
  bool ReadSome(int timeout_ms = 10'000) {
    pollfd watched{fd_, POLLIN, 0};
    if (::poll(&watched, 1, timeout_ms) <= 0) return false;
    char bytes[4096];
    const ssize_t count = ::recv(fd_, bytes, sizeof bytes, 0);
    if (count <= 0) {
      at_end_ = true;
      return false;
    }
    input_.append(bytes, static_cast<size_t>(count));
    return true;
  }

  /// Waits until the server closes; gives everything received so far.
  std::string ReadToEnd() {
    while (ReadSome()) {
    }
    return std::exchange(input_, {});
  }

  bool ReadUntil(std::string_view text) {
    while (input_.find(text) == std::string::npos) {
      if (!ReadSome()) return false;
    }
    return true;
  }

  bool at_end() const { return at_end_; }
  const std::string& input() const { return input_; }

  /// Reads one final response (1xx are skipped). `head`: the answer to a HEAD request.
  RawResponse ReadResponse(bool head = false) {
    RawResponse response;
    do {
      response = {};
      if (!ReadUntil("\r\n\r\n")) return response;
      ParseHead(response);
    } while (response.status / 100 == 1);
    if (head || response.status == 204 || response.status == 304) {
      response.complete = true;
    } else if (response.headers.contains("content-length")) {
      ReadLength(response);
    } else if (response.headers.contains("transfer-encoding")) {
      ReadChunks(response);
    } else {
      response.body = ReadToEnd();
      response.complete = at_end_;
    }
    return response;
  }

 private:
  static std::string Lower(std::string text) {
    for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    return text;
  }

  void ParseHead(RawResponse& response) {
    const size_t end = input_.find("\r\n\r\n");
    std::string head = input_.substr(0, end + 2);
    input_.erase(0, end + 4);
    response.status = std::atoi(head.c_str() + std::string_view("HTTP/1.1 ").size());
    for (size_t at = head.find("\r\n") + 2; at < head.size();) {
      const size_t line_end = head.find("\r\n", at);
      const size_t colon = head.find(": ", at);
      response.headers[Lower(head.substr(at, colon - at))] =
          head.substr(colon + 2, line_end - colon - 2);
      at = line_end + 2;
    }
  }

  bool Need(size_t count) {
    while (input_.size() < count) {
      if (!ReadSome()) return false;
    }
    return true;
  }

  void ReadLength(RawResponse& response) {
    const size_t length = std::stoull(response.headers["content-length"]);
    response.complete = Need(length);
    response.body = input_.substr(0, length);
    input_.erase(0, length);
  }

  void ReadChunks(RawResponse& response) {
    for (;;) {
      if (!ReadUntil("\r\n")) return;
      const size_t size = std::strtoull(input_.c_str(), nullptr, 16);
      input_.erase(0, input_.find("\r\n") + 2);
      if (!Need(size + 2)) return;
      response.body += input_.substr(0, size);
      input_.erase(0, size + 2);
      if (size == 0) break;
    }
    response.complete = true;
  }

  int fd_;
  bool connected_ = false;
  bool at_end_ = false;
  std::string input_;
};

}  // namespace dure::test
