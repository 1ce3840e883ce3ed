// Which handler answers a method and a path.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"

namespace dure::net {

/// Where a handler runs.
enum class RunOn {
  kIoThread,  // it only looks something up: answers even when every worker is busy
  kWorker,    // it parses, renders or computes
};

/// Filled before the server starts, then only read: Match is thread-safe.
class Router {
 public:
  struct Route {
    std::string method;
    std::vector<std::string>
        segments;  // "{name}" takes one segment, "{name...}" last: the rest, at least one
    RunOn run_on;
    Handler handler;
    Guard guard;  // may be empty
  };

  /// pattern: "/v1/models/{id}". A GET route answers HEAD too.
  void Add(std::string_view method, std::string_view pattern, RunOn run_on, Handler handler,
           Guard guard = {});
  /// Answers when no route has the path (instead of 404).
  void SetFallback(RunOn run_on, Handler handler);

  struct Match {
    const Route* route = nullptr;  // nullptr: none
    std::string allow;             // the methods the path has, when only the method does not fit
  };

  /// Sets request.parameters for the route found. Literal segments win over parameters, earlier
  /// routes over later.
  Match Find(Request& request) const;

 private:
  std::vector<Route> routes_;
  Route fallback_{};
};

}  // namespace dure::net
