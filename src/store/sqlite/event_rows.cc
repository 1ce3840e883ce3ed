#include "store/sqlite/event_rows.h"

#include <utility>

#include "store/event_pack.h"

namespace dure::store::sqlite {

namespace {

constexpr size_t kPackBytes = 64 << 10;             // of payloads in one pack, or one longer event
constexpr size_t kMostPackBytes = size_t{1} << 30;  // a damaged length must not ask for all memory

Result<void> Prune(Connection& connection, const NewStream& stream, const EventLimits& limits) {
  auto prune = connection.Prepare(
      "DELETE FROM streams WHERE number IN (SELECT number FROM (SELECT number, finished, "
      "row_number() OVER w AS place, sum(bytes) OVER w AS total FROM streams WHERE account_id = ? "
      "AND kind = ? WINDOW w AS (ORDER BY created_ms DESC, number DESC)) "
      "WHERE finished = 1 AND (place > ? OR total > ?))");
  if (!prune) return tl::unexpected(prune.error());
  return prune->Bind(std::string_view(stream.account_id))
      .Bind(std::string_view(stream.kind))
      .Bind(limits.max_streams)
      .Bind(limits.max_account_bytes)
      .Run();
}

Result<bool> Exists(Connection& connection, const char* sql, std::string_view id) {
  auto statement = connection.Prepare(sql);
  if (!statement) return tl::unexpected(statement.error());
  return statement->Bind(id).Step();
}

StreamRow ReadStreamRow(const Statement& row) {
  StreamRow out;
  out.number = row.Int(0);
  out.info.id = row.Text(1);
  out.info.account_id = row.Text(2);
  out.info.kind = row.Text(3);
  out.info.created_ms = row.Int(4);
  out.info.finished = row.Int(5) != 0;
  out.info.last_event = row.Int(6);
  return out;
}

/// Of a stream that is not finished the events themselves say which is the last.
constexpr char kStreamColumns[] =
    "number, id, account_id, kind, created_ms, finished, CASE finished WHEN 1 THEN last_event ELSE "
    "coalesce((SELECT max(events.id) FROM events WHERE events.stream = streams.number), 0) END";

Result<int64_t> InsertPack(Connection& connection, int64_t stream,
                           const std::vector<StreamEvent>& events) {
  const auto data = PackEvents(events);
  if (!data) return tl::unexpected(data.error());
  auto insert =
      connection.Prepare("INSERT INTO event_packs (stream, first, last, data) VALUES (?, ?, ?, ?)");
  if (!insert) return tl::unexpected(insert.error());
  insert->Bind(stream).Bind(events.front().id).Bind(events.back().id).BindBlob(*data);
  if (auto done = insert->Run(); !done) return tl::unexpected(done.error());
  return static_cast<int64_t>(data->size());
}

struct Packed {
  int64_t last_event = 0;
  int64_t bytes = 0;
};

/// One pack at a time, so that a long stream takes little memory.
Result<Packed> PackStream(Connection& connection, int64_t stream, bool last_only) {
  auto select = connection.Prepare(last_only ? "SELECT id, payload FROM events WHERE stream = ? "
                                               "ORDER BY id DESC LIMIT 1"
                                             : "SELECT id, payload FROM events WHERE stream = ? "
                                               "ORDER BY id");
  if (!select) return tl::unexpected(select.error());
  select->Bind(stream);
  Packed packed;
  std::vector<StreamEvent> events;
  size_t bytes = 0;
  for (;;) {
    const auto row = select->Step();
    if (!row) return tl::unexpected(row.error());
    StreamEvent event;
    if (*row) event = {select->Int(0), select->Text(1)};
    if (!events.empty() && (!*row || bytes + event.payload.size() > kPackBytes)) {
      const auto size = InsertPack(connection, stream, events);
      if (!size) return tl::unexpected(size.error());
      packed.last_event = events.back().id;
      packed.bytes += *size;
      events.clear();
      bytes = 0;
    }
    if (!*row) return packed;
    bytes += event.payload.size();
    events.push_back(std::move(event));
  }
}

Result<std::vector<StreamEvent>> ReadPack(Connection& connection, int64_t stream, int64_t after,
                                          size_t most_bytes) {
  using All = std::vector<StreamEvent>;
  auto select = connection.Prepare(
      "SELECT data FROM event_packs WHERE stream = ? AND last > ? ORDER BY last LIMIT 1");
  if (!select) return tl::unexpected(select.error());
  const auto row = select->Bind(stream).Bind(after).Step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return All();
  auto unpacked = UnpackEvents(select->Text(0), kMostPackBytes);
  if (!unpacked) return unpacked;
  All events;
  size_t bytes = 0;
  for (StreamEvent& event : *unpacked) {
    if (event.id <= after) continue;
    if (!events.empty() && bytes + event.payload.size() > most_bytes) break;
    bytes += event.payload.size();
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace

Result<int64_t> InsertStream(Connection& connection, const NewStream& stream,
                             const EventLimits& limits) {
  const auto taken = Exists(connection, "SELECT 1 FROM streams WHERE id = ?", stream.id);
  if (!taken) return tl::unexpected(taken.error());
  if (*taken) return Fail(ErrorCode::kConflict, "there is a stream of this id already");
  const auto account = Exists(connection, "SELECT 1 FROM accounts WHERE id = ?", stream.account_id);
  if (!account) return tl::unexpected(account.error());
  if (!*account) return Fail(ErrorCode::kNotFound, "there is no such account");
  auto insert = connection.Prepare(
      "INSERT INTO streams (id, account_id, kind, created_ms, bytes, head) "
      "VALUES (?, ?, ?, ?, ?, ?)");
  if (!insert) return tl::unexpected(insert.error());
  insert->Bind(std::string_view(stream.id))
      .Bind(std::string_view(stream.account_id))
      .Bind(std::string_view(stream.kind))
      .Bind(stream.now_ms)
      .Bind(static_cast<int64_t>(stream.head.size()))
      .BindBlob(stream.head);
  if (auto done = insert->Run(); !done) return tl::unexpected(done.error());
  const int64_t number = connection.last_row_id();
  if (auto pruned = Prune(connection, stream, limits); !pruned) {
    return tl::unexpected(pruned.error());
  }
  return number;
}

Result<std::optional<StreamRow>> FindStream(Connection& connection, std::string_view account_id,
                                            std::string_view id, bool with_contents) {
  auto select =
      connection.Prepare(std::string("SELECT ") + kStreamColumns +
                         (with_contents ? ", head, result" : "") + " FROM streams WHERE id = ?");
  if (!select) return tl::unexpected(select.error());
  const auto row = select->Bind(id).Step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::nullopt;
  StreamRow found = ReadStreamRow(*select);
  if (!account_id.empty() && found.info.account_id != account_id) return std::nullopt;
  if (with_contents) {
    found.info.head = select->Text(7);
    found.info.result = select->Text(8);
  }
  return found;
}

Result<bool> InsertEvents(Connection& connection, int64_t stream,
                          const std::vector<StreamEvent>& events) {
  {
    auto select = connection.Prepare("SELECT 1 FROM streams WHERE number = ? AND finished = 0");
    if (!select) return tl::unexpected(select.error());
    const auto row = select->Bind(stream).Step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return false;
  }
  for (const StreamEvent& event : events) {
    auto insert =
        connection.Prepare("INSERT OR IGNORE INTO events (stream, id, payload) VALUES (?, ?, ?)");
    if (!insert) return tl::unexpected(insert.error());
    if (auto done = insert->Bind(stream).Bind(event.id).BindBlob(event.payload).Run(); !done) {
      return tl::unexpected(done.error());
    }
  }
  return true;
}

Result<void> FinishStream(Connection& connection, int64_t stream, const StreamEnd& end) {
  const auto packed = PackStream(connection, stream, end.snapshot.has_value());
  if (!packed) return tl::unexpected(packed.error());
  auto remove = connection.Prepare("DELETE FROM events WHERE stream = ?");
  if (!remove) return tl::unexpected(remove.error());
  if (auto done = remove->Bind(stream).Run(); !done) return done;
  auto update = connection.Prepare(
      "UPDATE streams SET finished = 1, last_event = ?, bytes = length(head) + ?, result = ? "
      "WHERE number = ?");
  if (!update) return tl::unexpected(update.error());
  return update->Bind(packed->last_event)
      .Bind(packed->bytes + static_cast<int64_t>(end.result.size()))
      .BindBlob(end.result)
      .Bind(stream)
      .Run();
}

// Finishing moves rows from events to event_packs at once: whoever finds none in the first finds
// them in the second, in this order.
Result<std::vector<StreamEvent>> ReadEvents(Connection& connection, int64_t stream, int64_t after,
                                            size_t most_bytes) {
  std::vector<StreamEvent> events;
  {
    auto select = connection.Prepare(
        "SELECT id, payload FROM events WHERE stream = ? AND id > ? ORDER BY id");
    if (!select) return tl::unexpected(select.error());
    select->Bind(stream).Bind(after);
    size_t bytes = 0;
    while (bytes < most_bytes || events.empty()) {
      const auto row = select->Step();
      if (!row) return tl::unexpected(row.error());
      if (!*row) break;
      events.push_back({select->Int(0), select->Text(1)});
      bytes += events.back().payload.size();
    }
  }
  if (!events.empty()) return events;
  return ReadPack(connection, stream, after, most_bytes);
}

Result<int64_t> EventBytes(Connection& connection, int64_t stream) {
  auto select =
      connection.Prepare("SELECT coalesce(sum(length(payload)), 0) FROM events WHERE stream = ?");
  if (!select) return tl::unexpected(select.error());
  const auto row = select->Bind(stream).Step();
  if (!row) return tl::unexpected(row.error());
  return select->Int(0);
}

Result<bool> DeleteStream(Connection& connection, std::string_view account_id,
                          std::string_view id) {
  auto remove =
      connection.Prepare("DELETE FROM streams WHERE id = ?1 AND (?2 = '' OR account_id = ?2)");
  if (!remove) return tl::unexpected(remove.error());
  if (auto done = remove->Bind(id).Bind(account_id).Run(); !done) {
    return tl::unexpected(done.error());
  }
  return connection.changed_rows() > 0;
}

Result<void> DeleteStreamsBefore(Connection& connection, std::string_view kind, int64_t oldest_ms) {
  auto remove =
      connection.Prepare("DELETE FROM streams WHERE kind = ? AND created_ms < ? AND finished = 1");
  if (!remove) return tl::unexpected(remove.error());
  return remove->Bind(kind).Bind(oldest_ms).Run();
}

Result<std::vector<StreamInfo>> UnfinishedStreams(Connection& connection, std::string_view kind,
                                                  int most) {
  auto select = connection.Prepare(std::string("SELECT ") + kStreamColumns +
                                   " FROM streams WHERE kind = ? AND finished = 0 "
                                   "ORDER BY created_ms, number LIMIT ?");
  if (!select) return tl::unexpected(select.error());
  select->Bind(kind).Bind(static_cast<int64_t>(most));
  std::vector<StreamInfo> all;
  for (;;) {
    const auto row = select->Step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return all;
    all.push_back(ReadStreamRow(*select).info);
  }
}

}  // namespace dure::store::sqlite
