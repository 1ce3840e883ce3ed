#include "api/access/request_meter.h"

#include <utility>

namespace dure::api {

namespace {

constexpr int kClientClosedRequest = 499;

}  // namespace

void RequestMeter::Route::Count(int status) {
  const std::lock_guard lock(mutex_);
  ++by_status_[status];
}

RequestMeter::Request::Request(std::shared_ptr<RequestMeter> meter, Route& route)
    : meter_(std::move(meter)), route_(route) {
  ++meter_->running_;
}

RequestMeter::Request::~Request() {
  Answered(kClientClosedRequest);
  --meter_->running_;
}

void RequestMeter::Request::Answered(int status) {
  if (!answered_.exchange(true)) route_.Count(status);
}

std::vector<RequestMeter::Count> RequestMeter::counts() const {
  std::vector<Count> counts;
  for (const Route& route : routes_) {
    const std::lock_guard lock(route.mutex_);
    for (const auto& [status, requests] : route.by_status_) {
      counts.push_back({route.name_, status, requests});
    }
  }
  return counts;
}

}  // namespace dure::api
