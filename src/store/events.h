// Streams of events: what a generation says, kept as it is said, so that whoever listens can come
// back to where it was after a reload, a lost connection or a crash.
//
// A stream belongs to one account. Its events are opaque bytes with ids 1, 2, 3 ... in the order of
// Append. A reader names the last id it has seen and gets what came after it, first what is stored,
// then what is being appended: no event is missed, none comes twice, and a reader that is slow
// waits in its own place without holding up the writer or other readers.
//
// Appended events are on disk within a tenth of a second, without anybody waiting (group commit);
// what a crash may lose is the end of a stream, never its middle. When a stream is finished, its
// rows are packed into a few compressed ones; ids stay as they were. A stream that is finished with
// a snapshot keeps that one event only, the last, which stands for all before it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace dure::store {

struct EventLimits {
  size_t max_event_bytes = 16 << 20;
  size_t max_head_bytes = 32 << 20;     // also of a result
  size_t max_stream_bytes = 256 << 20;  // of all events of one stream
  size_t max_pending_bytes = 8 << 20;   // of one stream, while the disk does not take them
  int max_open_streams = 4096;          // being written
  // Of one account and kind: when one more begins, the oldest that are finished go.
  int64_t max_streams = 10'000;
  int64_t max_account_bytes = int64_t{1} << 30;  // of finished events, heads and results
};

struct NewStream {
  std::string id;  // given by the caller, never used twice: "resp_..."
  std::string account_id;
  std::string kind;  // whose streams these are: "response", "chat"
  std::string head;  // what the stream is about: opaque, returned by Find
  int64_t now_ms = 0;
};

struct StreamInfo {
  std::string id;
  std::string account_id;
  std::string kind;
  std::string head;
  std::string result;  // Finish's; "" before
  int64_t created_ms = 0;
  int64_t last_event = 0;  // id; 0: none yet
  bool finished = false;
  bool open = false;  // being written by this process
};

struct StreamEnd {
  std::string result;                   // what came of it: opaque, returned by Find
  std::optional<std::string> snapshot;  // one more event, which then stands for all before it
};

struct StreamEvent {
  int64_t id = 0;
  std::string payload;

  bool operator==(const StreamEvent&) const = default;
};

struct EventBatch {
  std::vector<StreamEvent> events;  // ids ascending; after a snapshot with a gap before it
  bool finished = false;            // nothing comes after these
};

/// A reader's place in a stream. For one thread at a time; may outlive neither the log nor its
/// stream's account in meaning, but is safe to call and to destroy at any time before the log.
class EventReader {
 public:
  virtual ~EventReader() = default;
  /// The next events, at least one and at most about `most_bytes` of payload. Empty and not
  /// finished: nothing new yet; the reader's `wake` is then called once as soon as there is. Never
  /// waits for a writer; reads the disk only where the reader lags behind by more than what is
  /// still in memory. Errors: kNotFound (the stream was removed), the store's.
  virtual Result<EventBatch> Next(size_t most_bytes) = 0;
};

/// Thread-safe. Errors of every function: the store's (store.h).
class EventLog {
 public:
  virtual ~EventLog() = default;

  /// On disk when it returns; the stream is then open. Errors: kConflict (the id is taken),
  /// kNotFound (account), kResourceExhausted (head too long, too many open streams).
  virtual Result<void> Create(const NewStream& stream) = 0;
  /// The event's id. Never waits for the disk: for any thread, also an engine's. Errors: kNotFound
  /// (not open, or removed meanwhile), kResourceExhausted (a limit; the event was not taken).
  virtual Result<int64_t> Append(std::string_view id, std::string payload) = 0;
  /// Closes the stream; at once no event is taken any more, and readers have seen the end when they
  /// have read all. Does not wait: `done` (may be empty) is called from the store's thread when it
  /// is on disk, packed, or with why not; then the stream is open again and Finish may be tried
  /// again. Errors reach `done`: kNotFound, kResourceExhausted (the result is too long).
  virtual void Finish(std::string_view id, StreamEnd end,
                      std::function<void(const Result<void>&)> done) = 0;

  /// account_id "": of any account. Nothing where it is another account's.
  virtual Result<std::optional<StreamInfo>> Find(std::string_view account_id,
                                                 std::string_view id) = 0;
  /// Events after `after`, at least one and at most about most_bytes of payload; finished: these
  /// are the last. Errors: kNotFound (also where it is another account's).
  virtual Result<EventBatch> Read(std::string_view account_id, std::string_view id, int64_t after,
                                  size_t most_bytes) = 0;
  /// `wake` is called from the thread that appends (see EventReader::Next), with no lock held; it
  /// must return quickly, and may still be called once after the reader is gone. Errors: kNotFound;
  /// kUnavailable (a crash cut the stream off and nobody has reopened it).
  virtual Result<std::unique_ptr<EventReader>> Follow(std::string_view account_id,
                                                      std::string_view id, int64_t after,
                                                      std::function<void()> wake) = 0;

  /// Overwrites what was stored, in the write-ahead log too. Readers meet kNotFound, appending ends
  /// with it. False when the account ("": any) has no such stream.
  virtual Result<bool> Remove(std::string_view account_id, std::string_view id) = 0;
  /// Removes finished streams of that kind which began before.
  virtual Result<void> RemoveBefore(std::string_view kind, int64_t oldest_ms) = 0;

  /// Streams of that kind which are neither finished nor open here: a crash cut them off. Oldest
  /// first, at most 1000, without their heads.
  virtual Result<std::vector<StreamInfo>> CutOff(std::string_view kind) = 0;
  /// Opens such a stream again, to say how it ends. Errors: kNotFound, kConflict (it is open or
  /// finished).
  virtual Result<void> Reopen(std::string_view id) = 0;
};

}  // namespace dure::store
