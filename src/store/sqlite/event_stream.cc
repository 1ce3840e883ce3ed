#include "store/sqlite/event_stream.h"

#include <algorithm>
#include <utility>

namespace dure::store::sqlite {

namespace {

tl::unexpected<Error> TooMuch(const char* what, size_t limit) {
  return Fail(ErrorCode::kResourceExhausted, std::string(what) + " is longer than the limit of " +
                                                 std::to_string(limit) + " bytes");
}

}  // namespace

int64_t EventStream::last_event() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

Result<int64_t> EventStream::Append(std::string payload, const EventLimits& limits) {
  const size_t size = payload.size();
  if (size > limits.max_event_bytes) return TooMuch("an event", limits.max_event_bytes);
  std::vector<std::shared_ptr<Waiter>> waiters;
  int64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    if (removed_ || closed_) return Fail(ErrorCode::kNotFound, "the stream is not open");
    if (bytes_ + size > limits.max_stream_bytes)
      return TooMuch("a stream", limits.max_stream_bytes);
    // One event is always taken, however long.
    if (!pending_.empty() && pending_bytes_ + size > limits.max_pending_bytes) {
      return Fail(ErrorCode::kResourceExhausted, "the disk does not keep up with the events");
    }
    id = ++last_;
    bytes_ += size;
    pending_bytes_ += size;
    pending_.push_back({id, std::move(payload)});
    waiters = TakeArmed();
  }
  Wake(waiters);
  return id;
}

Result<void> EventStream::Close(const std::optional<std::string>& snapshot,
                                const EventLimits& limits) {
  if (snapshot && snapshot->size() > limits.max_event_bytes) {
    return TooMuch("an event", limits.max_event_bytes);
  }
  std::vector<std::shared_ptr<Waiter>> waiters;
  {
    const std::lock_guard lock(mutex_);
    if (removed_ || closed_) return Fail(ErrorCode::kNotFound, "the stream is not open");
    closed_ = true;
    if (snapshot) {
      pending_.push_back({++last_, *snapshot});
      pending_bytes_ += snapshot->size();
    }
    waiters = TakeArmed();
  }
  Wake(waiters);
  return {};
}

void EventStream::OpenAgain() {
  const std::lock_guard lock(mutex_);
  closed_ = false;
}

void EventStream::MarkRemoved() {
  std::vector<std::shared_ptr<Waiter>> waiters;
  {
    const std::lock_guard lock(mutex_);
    removed_ = true;
    pending_.clear();
    pending_bytes_ = 0;
    waiters = TakeArmed();
  }
  Wake(waiters);
}

std::vector<StreamEvent> EventStream::Pending() const {
  const std::lock_guard lock(mutex_);
  return {pending_.begin(), pending_.end()};
}

bool EventStream::has_pending() const {
  const std::lock_guard lock(mutex_);
  return !pending_.empty();
}

bool EventStream::removed() const {
  const std::lock_guard lock(mutex_);
  return removed_;
}

void EventStream::SetDurable(int64_t id) {
  const std::lock_guard lock(mutex_);
  durable_ = std::max(durable_, id);
  while (!pending_.empty() && pending_.front().id <= durable_) {
    pending_bytes_ -= pending_.front().payload.size();
    pending_.pop_front();
  }
}

EventStream::Place EventStream::Look(int64_t after, size_t most_bytes, Waiter* waiter,
                                     std::vector<StreamEvent>& events) {
  const std::lock_guard lock(mutex_);
  if (removed_) return Place::kRemoved;
  if (after >= last_) {
    if (closed_) return Place::kFinished;
    if (waiter != nullptr) waiter->armed = true;
    return Place::kNothingNew;
  }
  if (after < durable_) return Place::kDisk;
  size_t bytes = 0;
  for (auto i = static_cast<size_t>(after - durable_); i < pending_.size(); ++i) {
    if (!events.empty() && bytes + pending_[i].payload.size() > most_bytes) break;
    bytes += pending_[i].payload.size();
    events.push_back(pending_[i]);
  }
  return Place::kMemory;
}

bool EventStream::EndsAt(int64_t id) const {
  const std::lock_guard lock(mutex_);
  return closed_ && id >= last_;
}

void EventStream::AddWaiter(const std::shared_ptr<Waiter>& waiter) {
  const std::lock_guard lock(mutex_);
  std::erase_if(waiters_, [](const std::weak_ptr<Waiter>& other) { return other.expired(); });
  waiters_.push_back(waiter);
}

std::vector<std::shared_ptr<EventStream::Waiter>> EventStream::TakeArmed() {
  std::vector<std::shared_ptr<Waiter>> armed;
  for (const auto& weak : waiters_) {
    const auto waiter = weak.lock();
    if (waiter && std::exchange(waiter->armed, false)) armed.push_back(waiter);
  }
  return armed;
}

void EventStream::Wake(const std::vector<std::shared_ptr<Waiter>>& waiters) {
  for (const auto& waiter : waiters) {
    if (waiter->wake) waiter->wake();
  }
}

}  // namespace dure::store::sqlite
