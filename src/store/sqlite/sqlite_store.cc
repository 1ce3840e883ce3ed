#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "store/sqlite/migrations.h"
#include "store/sqlite/sqlite_accounts.h"
#include "store/sqlite/sqlite_answers.h"
#include "store/sqlite/sqlite_conversations.h"
#include "store/sqlite/sqlite_events.h"
#include "store/sqlite/sqlite_keys.h"
#include "store/sqlite/sqlite_providers.h"
#include "store/sqlite/sqlite_sessions.h"
#include "store/sqlite/sqlite_usage.h"
#include "store/store.h"

namespace dure::store {

namespace sqlite {
namespace {

class SqliteStore : public Store {
 public:
  SqliteStore(std::unique_ptr<Connection> connection, const StoreOptions& options,
              const std::string& path)
      : database_(std::move(connection), {.log = options.log}, path, options.vfs),
        events_(database_, options.event_limits, options.log),
        providers_(database_, options.folder) {}

  Accounts& accounts() override { return accounts_; }
  Sessions& sessions() override { return sessions_; }
  ApiKeys& keys() override { return keys_; }
  UsageLog& usage() override { return usage_; }
  Answers& answers() override { return answers_; }
  EventLog& events() override { return events_; }
  Providers& providers() override { return providers_; }
  Conversations& conversations() override { return conversations_; }

  Result<int64_t> access_version() override {
    return database_.Read<int64_t>([](Connection& connection) {
      return connection.QueryInt("SELECT value FROM access_version");
    });
  }
  Result<void> Flush() override {
    return database_.writer.Now([](Connection&) { return Result<void>(); });
  }

 private:
  Database database_;
  SqliteAccounts accounts_{database_};
  SqliteSessions sessions_{database_};
  SqliteKeys keys_{database_};
  SqliteUsage usage_{database_};
  SqliteAnswers answers_{database_};
  SqliteConversations conversations_{database_};
  SqliteEvents events_;
  SqliteProviders providers_;
};

// Made by ourselves, so that it is never readable for others, not even for a moment.
Result<void> CreateFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return Fail(ErrorCode::kIo, "cannot write " + path + ": " + std::strerror(errno));
  ::fchmod(fd, 0600);
  ::close(fd);
  return {};
}

Result<void> RequireSchema(Connection& connection) {
  const auto version = SchemaVersion(connection);
  if (!version) return tl::unexpected(version.error());
  const int64_t latest = AllMigrations().back().version;
  if (*version == latest) return {};
  return Fail(ErrorCode::kUnsupported,
              "the server that runs on this folder is another version of "
              "Dure (its schema is " +
                  std::to_string(*version) + ", this program's " + std::to_string(latest) + ")");
}

Result<std::unique_ptr<Connection>> Prepare(const StoreOptions& options, const std::string& path) {
  if (auto created = CreateFile(path); !created) return tl::unexpected(created.error());
  auto connection = Connection::Open(path, Access::kReadWrite, options.vfs);
  if (!connection) return connection;
  const auto version = SchemaVersion(**connection);  // before anything is written
  if (!version) return tl::unexpected(version.error());
  auto ready = (*connection)->Execute("PRAGMA journal_mode = WAL;");
  if (ready) {
    ready = options.migrate ? Migrate(**connection, AllMigrations(), options.folder + "/backups",
                                      options.now_ms)
                            : RequireSchema(**connection);
  }
  // Shows now, not at the first write, whether writing is possible.
  if (ready) ready = (*connection)->Execute("BEGIN IMMEDIATE; ROLLBACK;");
  if (!ready) return tl::unexpected(ready.error());
  return connection;
}

}  // namespace
}  // namespace sqlite

Result<std::unique_ptr<Store>> OpenSqliteStore(const StoreOptions& options) {
  const std::string path = options.folder + "/dure.sqlite3";
  auto connection = sqlite::Prepare(options, path);
  if (!connection) {
    return Fail(connection.error().code, path + ": " + connection.error().message);
  }
  return std::unique_ptr<Store>(
      std::make_unique<sqlite::SqliteStore>(std::move(*connection), options, path));
}

}  // namespace dure::store
