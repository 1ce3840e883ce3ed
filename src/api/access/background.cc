#include "api/access/background.h"

#include <exception>
#include <utility>

namespace dure::api {

Background::Background(size_t max_waiting, std::function<void(const std::string&)> log)
    : max_waiting_(max_waiting), log_(std::move(log)) {
  thread_ = std::thread([this] { Loop(); });
}

Background::~Background() {
  std::deque<std::function<void()>> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(jobs_);
  }
  wake_.notify_one();
  thread_.join();
}

bool Background::Post(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || jobs_.size() >= max_waiting_) return false;
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

void Background::Loop() {
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    try {
      job();
    } catch (const std::exception& failure) {
      if (log_) log_(std::string("a background job failed: ") + failure.what());
    }
  }
}

}  // namespace dure::api
