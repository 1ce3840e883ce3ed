// Everything that must outlive the process, behind one interface; SQLite stands behind it here
// (docs/architecture.md, "Data").
//
// Errors of every function: kIo (read, write, read-only), kResourceExhausted (disk full, memory),
// kCorrupt (the file contradicts itself), kUnavailable (another process holds the database for
// too long). A failed write has changed nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "store/accounts.h"
#include "store/answers.h"
#include "store/conversations.h"
#include "store/events.h"
#include "store/keys.h"
#include "store/providers.h"
#include "store/sessions.h"
#include "store/usage.h"

namespace dure::store {

/// Thread-safe. Functions that return a Result may wait for the disk: not for I/O threads, except
/// look-ups by key or id, which take microseconds.
class Store {
 public:
  /// Writes what is queued.
  virtual ~Store() = default;

  virtual Accounts& accounts() = 0;
  virtual Sessions& sessions() = 0;
  virtual ApiKeys& keys() = 0;
  virtual UsageLog& usage() = 0;
  virtual Answers& answers() = 0;
  virtual EventLog& events() = 0;
  virtual Providers& providers() = 0;
  virtual Conversations& conversations() = 0;

  /// Another number than before: a right was taken away or changed since, by this process or
  /// another (a key revoked, an account changed or removed, a session ended).
  virtual Result<int64_t> access_version() = 0;
  /// Returns when everything queued so far is on disk.
  virtual Result<void> Flush() = 0;
};

struct StoreOptions {
  std::string folder;   // exists; the file is dure.sqlite3 in it
  bool migrate = true;  // false: another process owns the folder; the schema must be this program's
  int64_t now_ms = 0;   // for the names of backups
  /// Failures of writes that nobody waits for. Called from the store's thread; may be empty.
  std::function<void(const std::string&)> log;
  EventLimits event_limits;
  std::string vfs;  // SQLite's name of the file system to use; "": its default
};

/// Opens or creates the database (mode 0600). An older schema is brought up to date in one
/// transaction, after a backup into folder/backups. Errors beside the store's own: kUnsupported
/// (the schema is newer than this program, or, without migrate, of another version).
Result<std::unique_ptr<Store>> OpenSqliteStore(const StoreOptions& options);

}  // namespace dure::store
