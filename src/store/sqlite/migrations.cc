#include "store/sqlite/migrations.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

namespace dure::store::sqlite {

namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> BackupFailed(const std::string& path, const std::string& why) {
  return Fail(ErrorCode::kIo,
              "cannot back the database up to " + path + " before changing its schema: " + why);
}

void RemoveOldBackups(const std::string& folder) {
  std::error_code ignored;
  std::vector<fs::path> backups;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("dure-schema") && name.ends_with(".sqlite3")) {
      backups.push_back(entry.path());
    }
  }
  const auto written = [&](const fs::path& path) { return fs::last_write_time(path, ignored); };
  std::sort(backups.begin(), backups.end(),
            [&](const fs::path& a, const fs::path& b) { return written(a) > written(b); });
  for (size_t i = kBackupsKept; i < backups.size(); ++i) fs::remove(backups[i], ignored);
}

bool SyncFolder(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool synced = ::fsync(fd) == 0;
  ::close(fd);
  return synced;
}

Result<void> Backup(Connection& connection, int64_t version, const std::string& folder,
                    int64_t now_ms) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return BackupFailed(folder, std::strerror(errno));
  }
  const std::string path =
      folder + "/dure-schema" + std::to_string(version) + "-" + std::to_string(now_ms) + ".sqlite3";
  const std::string unfinished = path + ".part";
  ::unlink(unfinished.c_str());
  // VACUUM INTO fills an empty file that exists: so nobody else can ever open it.
  const int fd =
      ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return BackupFailed(path, std::strerror(errno));
  auto statement = connection.Prepare("VACUUM INTO ?");
  Result<void> copied = statement ? statement->Bind(unfinished).Run()
                                  : Result<void>(tl::unexpected(statement.error()));
  const bool synced = ::fsync(fd) == 0;
  ::close(fd);
  if (!copied || !synced || ::rename(unfinished.c_str(), path.c_str()) != 0) {
    const std::string why = copied ? std::strerror(errno) : copied.error().message;
    ::unlink(unfinished.c_str());
    return BackupFailed(path, why);
  }
  if (!SyncFolder(folder)) return BackupFailed(path, std::strerror(errno));
  RemoveOldBackups(folder);
  return {};
}

Result<void> Apply(Connection& connection, std::span<const Migration> migrations, int64_t version) {
  for (const Migration& migration : migrations) {
    if (migration.version <= version) continue;
    if (auto done = connection.Execute(migration.sql); !done) {
      return Fail(done.error().code, "cannot bring the database's schema up to date (" +
                                         std::string(migration.name) +
                                         "): " + done.error().message);
    }
  }
  auto broken = connection.Prepare("PRAGMA foreign_key_check");
  if (!broken) return tl::unexpected(broken.error());
  const auto row = broken->Step();
  if (!row) return tl::unexpected(row.error());
  if (*row) {
    return Fail(ErrorCode::kCorrupt, "the database holds rows of '" + broken->Text(0) +
                                         "' that point to nothing; its schema was left as it was");
  }
  return connection.Execute("PRAGMA application_id = " + std::to_string(kApplicationId) +
                            "; PRAGMA user_version = " + std::to_string(migrations.back().version) +
                            ";");
}

}  // namespace

Result<int64_t> SchemaVersion(Connection& connection) {
  const auto application = connection.QueryInt("PRAGMA application_id");
  if (!application) return application;
  const auto version = connection.QueryInt("PRAGMA user_version");
  if (!version) return version;
  const auto tables = connection.QueryInt("SELECT count(*) FROM sqlite_schema");
  if (!tables) return tables;
  if (*application == kApplicationId) return version;
  if (*application == 0 && *version == 0 && *tables == 0) return 0;
  return Fail(ErrorCode::kCorrupt, "the database belongs to another program");
}

Result<void> Migrate(Connection& connection, std::span<const Migration> migrations,
                     const std::string& backup_folder, int64_t now_ms) {
  const auto version = SchemaVersion(connection);
  if (!version) return tl::unexpected(version.error());
  const int64_t latest = migrations.back().version;
  if (*version > latest) {
    return Fail(ErrorCode::kUnsupported,
                "the database was written by a newer version of Dure (its schema is " +
                    std::to_string(*version) + ", this program knows " + std::to_string(latest) +
                    "); use that version, or a backup from " + backup_folder);
  }
  if (*version == latest) return {};
  if (*version > 0) {
    if (auto done = Backup(connection, *version, backup_folder, now_ms); !done) return done;
  }
  if (auto begun = connection.Execute("BEGIN EXCLUSIVE"); !begun) return begun;
  auto done = Apply(connection, migrations, *version);
  if (done) done = connection.Execute("COMMIT");
  if (!done && connection.in_transaction()) (void)connection.Execute("ROLLBACK");
  return done;
}

}  // namespace dure::store::sqlite
