#include "store/sqlite/sqlite_events.h"

#include <utility>

#include "store/sqlite/event_rows.h"

namespace dure::store::sqlite {

namespace {

constexpr int kMostCutOff = 1000;

tl::unexpected<Error> NoStream() {
  return Fail(ErrorCode::kNotFound, "there is no such stream of events");
}

class StreamReader : public EventReader {
 public:
  /// open: null for a stream that nobody writes here; then `row` says where it ends.
  StreamReader(Database& database, std::shared_ptr<EventStream> open, StreamRow row, int64_t after,
               std::function<void()> wake)
      : database_(database), open_(std::move(open)), row_(std::move(row)), after_(after) {
    if (!open_ || !wake) return;
    waiter_ = std::make_shared<EventStream::Waiter>();
    waiter_->wake = std::move(wake);
    open_->AddWaiter(waiter_);
  }

  Result<EventBatch> Next(size_t most_bytes) override {
    using Place = EventStream::Place;
    EventBatch batch;
    const Place place =
        open_ ? open_->Look(after_, most_bytes, waiter_.get(), batch.events) : PlaceOnDisk();
    switch (place) {
      case Place::kRemoved:
        return NoStream();
      case Place::kNothingNew:
        return batch;
      case Place::kFinished:
        batch.finished = true;
        return batch;
      case Place::kDisk:
        if (auto read = ReadDisk(most_bytes, batch); !read) return tl::unexpected(read.error());
        break;
      case Place::kMemory:
        break;
    }
    after_ = batch.events.back().id;
    batch.finished = open_ ? open_->EndsAt(after_) : row_.info.finished && AtEnd();
    return batch;
  }

 private:
  bool AtEnd() const { return after_ >= row_.info.last_event; }
  EventStream::Place PlaceOnDisk() const {
    if (!AtEnd()) return EventStream::Place::kDisk;
    return row_.info.finished ? EventStream::Place::kFinished : EventStream::Place::kNothingNew;
  }
  Result<void> ReadDisk(size_t most_bytes, EventBatch& batch) const {
    const int64_t stream = open_ ? open_->number() : row_.number;
    auto events = database_.Read<std::vector<StreamEvent>>(
        [&](Connection& connection) { return ReadEvents(connection, stream, after_, most_bytes); });
    if (!events) return tl::unexpected(events.error());
    if (events->empty()) return NoStream();  // removed meanwhile
    batch.events = std::move(*events);
    return {};
  }

  Database& database_;
  const std::shared_ptr<EventStream> open_;
  const StreamRow row_;
  std::shared_ptr<EventStream::Waiter> waiter_;
  int64_t after_;
};

}  // namespace

OpenStreams::StreamPtr OpenStreams::Find(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(id);
  return found != streams_.end() ? found->second : nullptr;
}

size_t OpenStreams::size() const {
  const std::lock_guard lock(mutex_);
  return streams_.size();
}

void OpenStreams::Add(const std::string& id, StreamPtr stream) {
  const std::lock_guard lock(mutex_);
  streams_[id] = std::move(stream);
}

void OpenStreams::Remove(std::string_view id, const StreamPtr& stream) {
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(id);
  if (found != streams_.end() && found->second == stream) streams_.erase(found);
}

void OpenStreams::DropRemoved() {
  const std::lock_guard lock(mutex_);
  std::erase_if(streams_, [](const auto& entry) { return entry.second->removed(); });
}

void OpenStreams::Stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
}

std::vector<OpenStreams::StreamPtr> OpenStreams::All() const {
  const std::lock_guard lock(mutex_);
  std::vector<StreamPtr> all;
  all.reserve(streams_.size());
  for (const auto& [id, stream] : streams_) all.push_back(stream);
  return all;
}

void OpenStreams::FlushLater() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(flushing_, true)) return;
  }
  const auto round = std::make_shared<Round>();
  writer_.Later(
      [self = shared_from_this(), round](Connection& connection) {
        round->clear();  // the job may run twice
        return self->WriteAll(connection, *round);
      },
      [self = shared_from_this(), round](const Result<void>& result) {
        self->OnWritten(*round, result);
      });
}

Result<void> OpenStreams::WriteAll(Connection& connection, Round& round) const {
  for (const StreamPtr& stream : All()) {
    const std::vector<StreamEvent> events = stream->Pending();
    if (events.empty()) continue;
    const auto there = InsertEvents(connection, stream->number(), events);
    if (!there) return tl::unexpected(there.error());
    round.push_back({stream, *there ? events.back().id : 0});
  }
  return {};
}

void OpenStreams::OnWritten(const Round& round, const Result<void>& result) {
  bool failed_first = false;
  {
    const std::lock_guard lock(mutex_);
    flushing_ = false;
    failed_first = !std::exchange(failing_, !result) && !result;
    if (!result && stopping_) return;
  }
  if (failed_first && log_) log_("events are not stored for now: " + result.error().message);
  if (result) {
    for (const auto& [stream, last] : round) {
      if (last > 0) {
        stream->SetDurable(last);
      } else {
        stream->MarkRemoved();  // with its account
      }
    }
    DropRemoved();
  }
  for (const StreamPtr& stream : All()) {
    if (stream->has_pending()) return FlushLater();
  }
}

Result<void> SqliteEvents::Create(const NewStream& stream) {
  if (stream.head.size() > limits_.max_head_bytes) {
    return Fail(ErrorCode::kResourceExhausted,
                "what the stream is about is longer than the limit "
                "of " +
                    std::to_string(limits_.max_head_bytes) + " bytes");
  }
  if (open_->size() >= static_cast<size_t>(limits_.max_open_streams)) {
    return Fail(ErrorCode::kResourceExhausted,
                std::to_string(limits_.max_open_streams) + " streams of events are open already");
  }
  const auto number = database_.Write<int64_t>(
      [&](Connection& connection) { return InsertStream(connection, stream, limits_); });
  if (!number) return tl::unexpected(number.error());
  open_->Add(stream.id,
             std::make_shared<EventStream>(EventStream::Start{*number, stream.account_id, 0, 0}));
  return {};
}

Result<int64_t> SqliteEvents::Append(std::string_view id, std::string payload) {
  const auto stream = open_->Find(id);
  if (!stream) return NoStream();
  auto event = stream->Append(std::move(payload), limits_);
  if (event) open_->FlushLater();
  return event;
}

void SqliteEvents::Finish(std::string_view id, StreamEnd end,
                          std::function<void(const Result<void>&)> done) {
  const auto tell = [&](const Result<void>& result) {
    if (done) done(result);
  };
  const auto stream = open_->Find(id);
  if (!stream) return tell(NoStream());
  if (end.result.size() > limits_.max_head_bytes) {
    return tell(Fail(ErrorCode::kResourceExhausted, "the stream's result is too long"));
  }
  if (auto closed = stream->Close(end.snapshot, limits_); !closed) return tell(closed);
  database_.writer.Soon(
      [stream, end = std::move(end)](Connection& connection) -> Result<void> {
        const auto there = InsertEvents(connection, stream->number(), stream->Pending());
        if (!there) return tl::unexpected(there.error());
        if (!*there || stream->removed()) return NoStream();
        return FinishStream(connection, stream->number(), end);
      },
      [stream, open = open_, log = log_, id = std::string(id),
       done = std::move(done)](const Result<void>& result) {
        if (result) {
          stream->SetDurable(stream->last_event());
          open->Remove(id, stream);
        } else if (result.error().code == ErrorCode::kNotFound) {
          stream->MarkRemoved();
          open->Remove(id, stream);
        } else {
          stream->OpenAgain();
          if (log) log("a stream of events is not finished: " + result.error().message);
        }
        if (done) done(result);
      });
}

Result<std::optional<StreamInfo>> SqliteEvents::Find(std::string_view account_id,
                                                     std::string_view id) {
  const auto stream = open_->Find(id);  // before the row: what is closed meanwhile is finished then
  const auto row = database_.Read<std::optional<StreamRow>>([&](Connection& connection) {
    return FindStream(connection, account_id, id, /*with_contents=*/true);
  });
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::nullopt;
  StreamInfo info = std::move((*row)->info);
  if (stream && stream->removed()) return std::nullopt;
  if (stream && !info.finished) {
    info.open = true;
    info.last_event = stream->last_event();
  }
  return info;
}

Result<EventBatch> SqliteEvents::Read(std::string_view account_id, std::string_view id,
                                      int64_t after, size_t most_bytes) {
  const auto reader = Reader(account_id, id, after, nullptr, /*may_be_cut_off=*/true);
  if (!reader) return tl::unexpected(reader.error());
  return (*reader)->Next(most_bytes);
}

Result<std::unique_ptr<EventReader>> SqliteEvents::Follow(std::string_view account_id,
                                                          std::string_view id, int64_t after,
                                                          std::function<void()> wake) {
  return Reader(account_id, id, after, std::move(wake), /*may_be_cut_off=*/false);
}

Result<std::unique_ptr<EventReader>> SqliteEvents::Reader(std::string_view account_id,
                                                          std::string_view id, int64_t after,
                                                          std::function<void()> wake,
                                                          bool may_be_cut_off) {
  const int64_t from = std::max<int64_t>(after, 0);
  if (const auto stream = open_->Find(id)) {
    if (!account_id.empty() && stream->account_id() != account_id) return NoStream();
    return std::make_unique<StreamReader>(database_, stream, StreamRow(), from, std::move(wake));
  }
  auto row = database_.Read<std::optional<StreamRow>>([&](Connection& connection) {
    return FindStream(connection, account_id, id, /*with_contents=*/false);
  });
  if (!row) return tl::unexpected(row.error());
  if (!*row) return NoStream();
  if (!(*row)->info.finished && !may_be_cut_off) {
    return Fail(ErrorCode::kUnavailable, "a crash cut this stream of events off");
  }
  return std::make_unique<StreamReader>(database_, nullptr, std::move(**row), from, nullptr);
}

Result<bool> SqliteEvents::Remove(std::string_view account_id, std::string_view id) {
  const auto stream = open_->Find(id);
  if (stream && (account_id.empty() || stream->account_id() == account_id)) {
    stream->MarkRemoved();
    open_->Remove(id, stream);
  }
  const auto removed = database_.Write<bool>(
      [&](Connection& connection) { return DeleteStream(connection, account_id, id); });
  if (!removed || !*removed) return removed;
  if (auto emptied = database_.writer.EmptyLog(); !emptied && log_) {
    log_("what was removed may still stand in the write-ahead log: " + emptied.error().message);
  }
  return true;
}

Result<void> SqliteEvents::RemoveBefore(std::string_view kind, int64_t oldest_ms) {
  return database_.writer.Now(
      [&](Connection& connection) { return DeleteStreamsBefore(connection, kind, oldest_ms); });
}

Result<std::vector<StreamInfo>> SqliteEvents::CutOff(std::string_view kind) {
  const int most = kMostCutOff + static_cast<int>(open_->size());
  auto all = database_.Read<std::vector<StreamInfo>>(
      [&](Connection& connection) { return UnfinishedStreams(connection, kind, most); });
  if (!all) return all;
  std::erase_if(*all, [&](const StreamInfo& info) { return open_->Find(info.id) != nullptr; });
  if (all->size() > kMostCutOff) all->resize(kMostCutOff);
  return all;
}

Result<void> SqliteEvents::Reopen(std::string_view id) {
  const auto taken = Fail(ErrorCode::kConflict, "the stream is open or finished");
  if (open_->Find(id)) return taken;
  struct Found {
    StreamRow row;
    int64_t bytes = 0;
  };
  const auto found = database_.Read<Found>([&](Connection& connection) -> Result<Found> {
    auto row = FindStream(connection, "", id, /*with_contents=*/false);
    if (!row) return tl::unexpected(row.error());
    if (!*row) return NoStream();
    const auto bytes = EventBytes(connection, (*row)->number);
    if (!bytes) return tl::unexpected(bytes.error());
    return Found{std::move(**row), *bytes};
  });
  if (!found) return tl::unexpected(found.error());
  const StreamInfo& info = found->row.info;
  if (info.finished) return taken;
  open_->Add(info.id, std::make_shared<EventStream>(
                          EventStream::Start{found->row.number, info.account_id, info.last_event,
                                             static_cast<size_t>(found->bytes)}));
  return {};
}

}  // namespace dure::store::sqlite
