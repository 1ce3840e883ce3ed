// One connection: reads requests, hands them to their handlers and writes the answers. Private to
// net/.
#pragma once

#include <memory>
#include <string>

namespace dure::net {

struct ServerCore;

/// Members are thread-safe: the work is done on the connection's strand.
class Session {
 public:
  virtual ~Session() = default;
  virtual void Start() = 0;
  /// Closes if no request has begun; otherwise after the answer.
  virtual void Drain() = 0;
  virtual void ForceClose() = 0;
};

/// Takes over the accepted socket `fd`. `ipv6` says which family it has.
std::shared_ptr<Session> MakeSession(std::shared_ptr<ServerCore> core, int fd, bool ipv6,
                                     std::string peer);

}  // namespace dure::net
