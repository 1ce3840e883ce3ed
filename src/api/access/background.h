// One thread for work that is slow on purpose (password hashing), so that neither connections nor
// the other handlers wait for it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace dure::api {

/// Thread-safe.
class Background {
 public:
  /// `log` is told of exceptions that leave a job.
  Background(size_t max_waiting, std::function<void(const std::string&)> log);
  /// Finishes the job in progress; those that wait are dropped.
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  /// False when max_waiting jobs wait already.
  bool Post(std::function<void()> job);

 private:
  void Loop();

  const size_t max_waiting_;
  const std::function<void(const std::string&)> log_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace dure::api
