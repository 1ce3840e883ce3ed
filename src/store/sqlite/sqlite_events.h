// Private to store/.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "store/events.h"
#include "store/sqlite/database.h"
#include "store/sqlite/event_stream.h"

namespace dure::store::sqlite {

/// The streams that this process writes, and how what they hold reaches the disk. Shared with the
/// writer's jobs, which may be the last to run.
class OpenStreams : public std::enable_shared_from_this<OpenStreams> {
 public:
  using StreamPtr = std::shared_ptr<EventStream>;

  OpenStreams(Writer& writer, std::function<void(const std::string&)> log)
      : writer_(writer), log_(std::move(log)) {}

  StreamPtr Find(std::string_view id) const;
  size_t size() const;
  void Add(const std::string& id, StreamPtr stream);
  void Remove(std::string_view id, const StreamPtr& stream);
  void DropRemoved();

  /// Writes what is pending soon, unless that is on its way already.
  void FlushLater();
  /// What the disk does not take now is given up.
  void Stop();

 private:
  struct Written {
    StreamPtr stream;
    int64_t last = 0;  // 0: its row is gone
  };
  using Round = std::vector<Written>;

  std::vector<StreamPtr> All() const;
  Result<void> WriteAll(Connection& connection, Round& round) const;
  void OnWritten(const Round& round, const Result<void>& result);

  Writer& writer_;
  const std::function<void(const std::string&)> log_;
  mutable std::mutex mutex_;
  std::map<std::string, StreamPtr, std::less<>> streams_;
  bool flushing_ = false;
  bool failing_ = false;  // the last round; said once
  bool stopping_ = false;
};

class SqliteEvents : public EventLog {
 public:
  SqliteEvents(Database& database, const EventLimits& limits,
               std::function<void(const std::string&)> log)
      : database_(database),
        limits_(limits),
        log_(log),
        open_(std::make_shared<OpenStreams>(database.writer, std::move(log))) {}
  ~SqliteEvents() override { open_->Stop(); }

  Result<void> Create(const NewStream& stream) override;
  Result<int64_t> Append(std::string_view id, std::string payload) override;
  void Finish(std::string_view id, StreamEnd end,
              std::function<void(const Result<void>&)> done) override;
  Result<std::optional<StreamInfo>> Find(std::string_view account_id, std::string_view id) override;
  Result<EventBatch> Read(std::string_view account_id, std::string_view id, int64_t after,
                          size_t most_bytes) override;
  Result<std::unique_ptr<EventReader>> Follow(std::string_view account_id, std::string_view id,
                                              int64_t after, std::function<void()> wake) override;
  Result<bool> Remove(std::string_view account_id, std::string_view id) override;
  Result<void> RemoveBefore(std::string_view kind, int64_t oldest_ms) override;
  Result<std::vector<StreamInfo>> CutOff(std::string_view kind) override;
  Result<void> Reopen(std::string_view id) override;

 private:
  Result<std::unique_ptr<EventReader>> Reader(std::string_view account_id, std::string_view id,
                                              int64_t after, std::function<void()> wake,
                                              bool may_be_cut_off);

  Database& database_;
  const EventLimits limits_;
  const std::function<void(const std::string&)> log_;
  const std::shared_ptr<OpenStreams> open_;
};

}  // namespace dure::store::sqlite
