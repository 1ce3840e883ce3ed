// The server's routes, each with its rule of who may call it: without one a route cannot be added.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/access/call.h"
#include "api/access/request_meter.h"
#include "net/router.h"

namespace dure::api {

struct Service;

class Routes {
 public:
  using Handler = std::function<void(const Service&, const Call&)>;

  struct Entry {
    std::string method;
    std::string pattern;
    Rule rule;
    bool metered;  // counts against limits and is written to the usage
    ErrorRenderer render_error;
    bool missing = false;  // answers 501
  };

  explicit Routes(std::shared_ptr<const Service> service) : service_(std::move(service)) {}

  /// The handler runs after the caller was identified, the rule checked and, where the route is
  /// metered, the request admitted; all that happens on the I/O thread and answers quickly. A
  /// metered request with an Idempotency-Key is answered from what is kept where it was answered
  /// before. Refusals, too, have the shape that render_error gives them.
  void Add(std::string_view method, std::string_view pattern, net::RunOn run_on, Rule rule,
           Handler handler, ErrorRenderer render_error = ErrorResponse);
  /// An endpoint of an API spoken here that does not exist yet: 501. What it is for is worth more
  /// to a client than a 404.
  void AddMissing(std::string_view method, std::string_view pattern,
                  ErrorRenderer render_error = ErrorResponse);
  void SetFallback(net::Handler handler);

  /// The program's.
  const std::string& version() const;
  const std::vector<Entry>& entries() const { return entries_; }
  std::shared_ptr<const RequestMeter> meter() const { return meter_; }
  net::Router Take() { return std::move(router_); }

 private:
  const std::shared_ptr<const Service> service_;
  const std::shared_ptr<RequestMeter> meter_ = std::make_shared<RequestMeter>();
  net::Router router_;
  std::vector<Entry> entries_;
};

}  // namespace dure::api
