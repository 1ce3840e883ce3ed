// How many requests each route had and how they ended.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace dure::api {

/// Routes are added before the server starts; the rest is thread-safe. Held by what counts.
class RequestMeter : public std::enable_shared_from_this<RequestMeter> {
 public:
  class Route {
   public:
    explicit Route(std::string name) : name_(std::move(name)) {}
    void Count(int status);

   private:
    friend class RequestMeter;
    const std::string name_;
    mutable std::mutex mutex_;
    std::map<int, uint64_t> by_status_;
  };

  /// One request that runs. Letting go of it without an answer counts as 499: nobody waited for
  /// one.
  class Request {
   public:
    Request(std::shared_ptr<RequestMeter> meter, Route& route);
    ~Request();
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;
    void Answered(int status);

   private:
    const std::shared_ptr<RequestMeter> meter_;
    Route& route_;
    std::atomic<bool> answered_ = false;
  };

  struct Count {
    std::string route;  // "GET /v1/models/{id...}", never what was asked for
    int status;
    uint64_t requests;
  };

  /// Lives as long as this.
  Route& Add(std::string name) { return routes_.emplace_back(std::move(name)); }
  /// Of routes and statuses that occurred.
  std::vector<Count> counts() const;
  int running() const { return running_.load(); }

 private:
  std::deque<Route> routes_;
  std::atomic<int> running_ = 0;
};

}  // namespace dure::api
