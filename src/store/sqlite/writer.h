// All writes of this process go through one thread, which puts what has come together into one
// transaction (group commit). Private to store/.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "store/sqlite/connection.h"

namespace dure::store::sqlite {

struct WriterOptions {
  std::chrono::milliseconds later{75};  // what nobody waits for is written at most so much later
  size_t max_group = 1024;              // jobs of one transaction
  size_t max_waiting = 65'536;          // jobs nobody waits for; beyond it they are dropped, logged
  std::function<void(const std::string&)> log;
};

/// Thread-safe.
class Writer {
 public:
  /// What one job does to the database. It may run twice (when another job of its transaction made
  /// the disk run full), so it must not consume what it captured. An error undoes what it did, and
  /// nothing else.
  using Work = std::function<Result<void>(Connection&)>;
  /// How the work ended, told on the writer's thread.
  using Done = std::function<void(const Result<void>&)>;

  Writer(std::unique_ptr<Connection> connection, WriterOptions options);
  /// Writes what waits.
  ~Writer();

  /// Returns when the work is on disk.
  Result<void> Now(Work work);
  /// The same with a result.
  template <typename T>
  Result<T> Get(const std::function<Result<T>(Connection&)>& work) {
    std::optional<T> value;
    auto done = Now([&](Connection& connection) -> Result<void> {
      auto result = work(connection);
      if (!result) return tl::unexpected(result.error());
      value = std::move(*result);
      return {};
    });
    if (!done) return tl::unexpected(done.error());
    return std::move(*value);
  }
  /// Does not wait; failures go to the log.
  void Later(Work work);
  /// Does not wait either, and is never dropped: for callers that queue one job at a time.
  void Later(Work work, Done done);
  /// Does not wait, and is written at once.
  void Soon(Work work, Done done);
  /// Empties the write-ahead log, so that what was deleted stands nowhere any more. Errors also:
  /// kUnavailable (a reader in another process holds it).
  Result<void> EmptyLog();

 private:
  struct Job {
    Work work;
    Done done;
    Result<void> result;
    bool outside = false;  // of any transaction, after the others
    bool droppable = false;
  };

  void Loop();
  void WriteAll(std::vector<Job>& jobs);
  void WriteGroup(std::vector<Job>& jobs);
  Result<void> TryGroup(std::vector<Job*>& jobs);
  void Enqueue(Job job, bool urgent);

  const std::unique_ptr<Connection> connection_;
  const WriterOptions options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Job> waiting_;
  std::optional<std::chrono::steady_clock::time_point> due_;  // of the oldest job
  bool stopping_ = false;
  size_t dropped_ = 0;
  std::thread thread_;
};

}  // namespace dure::store::sqlite
