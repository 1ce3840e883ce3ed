// One stream of events while this process writes it: what is not on disk yet, and who waits for
// more. Private to store/.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "store/events.h"

namespace dure::store::sqlite {

/// Thread-safe.
class EventStream {
 public:
  /// A reader's request to be told of news. The stream forgets it with its last reference.
  struct Waiter {
    std::function<void()> wake;
    bool armed = false;  // under the stream's mutex
  };

  struct Start {
    int64_t number = 0;  // of its row
    std::string account_id;
    int64_t last_event = 0;  // on disk
    size_t bytes = 0;        // of the events on disk
  };
  explicit EventStream(Start start)
      : number_(start.number),
        account_id_(std::move(start.account_id)),
        last_(start.last_event),
        durable_(start.last_event),
        bytes_(start.bytes) {}

  int64_t number() const { return number_; }
  const std::string& account_id() const { return account_id_; }
  int64_t last_event() const;

  /// The event's id. Errors: those of EventLog::Append.
  Result<int64_t> Append(std::string payload, const EventLimits& limits);
  /// No event after this one; `snapshot` is appended first. Errors: those of EventLog::Finish.
  Result<void> Close(const std::optional<std::string>& snapshot, const EventLimits& limits);
  /// Takes Close back: the disk refused. The snapshot stays an event.
  void OpenAgain();
  /// Ends everything: the stream's rows are gone or about to go.
  void MarkRemoved();

  /// Copies of what is not known to be on disk.
  std::vector<StreamEvent> Pending() const;
  bool has_pending() const;
  bool removed() const;
  /// Events up to this one are on disk.
  void SetDurable(int64_t id);

  enum class Place { kMemory, kDisk, kNothingNew, kFinished, kRemoved };
  /// Where the events after `after` are; with kMemory some of them are put into `events`, with
  /// kNothingNew the waiter (where there is one) is armed.
  Place Look(int64_t after, size_t most_bytes, Waiter* waiter, std::vector<StreamEvent>& events);
  /// Whether `id` is the last event there will be.
  bool EndsAt(int64_t id) const;
  void AddWaiter(const std::shared_ptr<Waiter>& waiter);

 private:
  std::vector<std::shared_ptr<Waiter>> TakeArmed();
  static void Wake(const std::vector<std::shared_ptr<Waiter>>& waiters);

  const int64_t number_;
  const std::string account_id_;
  mutable std::mutex mutex_;
  std::deque<StreamEvent> pending_;  // durable_ + 1 .. last_
  int64_t last_;
  int64_t durable_;
  size_t bytes_;
  size_t pending_bytes_ = 0;
  bool closed_ = false;
  bool removed_ = false;
  std::vector<std::weak_ptr<Waiter>> waiters_;
};

}  // namespace dure::store::sqlite
