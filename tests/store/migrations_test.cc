// From every earlier schema, a newer one, another program's file, and failures on the way.
#include "store/sqlite/migrations.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "store/data_folder.h"
#include "tests/store/faulty_vfs.h"
#include "tests/store/store_fixture.h"

namespace dure::store::sqlite {
namespace {

class MigrationsTest : public StoreFixture {
 protected:
  std::string Path() { return folder_.File("dure.sqlite3"); }
  std::unique_ptr<Connection> Raw() {
    ::close(::open(Path().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    auto connection = Connection::Open(Path(), Access::kReadWrite, "");
    EXPECT_TRUE(connection) << connection.error().message;
    return std::move(*connection);
  }
  // A database as the program of schema `version` left it.
  void MakeOld(size_t version) {
    auto raw = Raw();
    ASSERT_TRUE(raw->Execute("PRAGMA journal_mode = WAL"));
    const auto migrations = AllMigrations().first(version);
    ASSERT_TRUE(Migrate(*raw, migrations, folder_.File("backups"), 1));
    ASSERT_TRUE(
        raw->Execute("INSERT INTO accounts (id, name, name_key, role, password_hash, created_ms) "
                     "VALUES ('u', 'U', 'u', 'member', 'h', 1)"));
  }
  static std::string Schema(const std::string& path) {
    auto connection = *Connection::Open(path, Access::kReadOnly, "");
    auto statement =
        *connection->Prepare("SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY type, name");
    std::string schema;
    while (*statement.Step()) schema += statement.Text(0) + "\n";
    return schema;
  }
  std::vector<std::string> Backups() {
    std::vector<std::string> names;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.File("backups"), none)) {
      names.push_back(entry.path().string());
    }
    return names;
  }
};

TEST_F(MigrationsTest, EveryEarlierSchemaBecomesTheSame) {
  Open();
  store_.reset();
  const std::string fresh = Schema(Path());
  EXPECT_TRUE(Backups().empty()) << "a new file needs no backup";
  for (size_t version = 1; version <= AllMigrations().size(); ++version) {
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(Path() + end);
    std::filesystem::remove_all(folder_.File("backups"));
    MakeOld(version);
    Open();
    EXPECT_EQ((*store_->accounts().Find("u"))->name, "U");
    EXPECT_TRUE(store_->accounts().Find(kOwnerId)->has_value());
    store_.reset();
    EXPECT_EQ(Schema(Path()), fresh) << "from " << version;
    const auto backups = Backups();
    ASSERT_EQ(backups.size(), version < AllMigrations().size() ? 1u : 0u);
    if (backups.empty()) continue;
    struct stat status{};
    ::stat(backups[0].c_str(), &status);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    auto backup = *Connection::Open(backups[0], Access::kReadWrite, "");
    EXPECT_EQ(*SchemaVersion(*backup), static_cast<int64_t>(version));
    EXPECT_EQ(*backup->QueryInt("SELECT count(*) FROM accounts WHERE id = 'u'"), 1);
  }
}

TEST_F(MigrationsTest, KeepsTheNewestBackupsOnly) {
  for (int round = 0; round < 6; ++round) {
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(Path() + end);
    MakeOld(1);
    StoreOptions options = Options();
    options.now_ms = round;
    ASSERT_TRUE(OpenSqliteStore(options));
  }
  EXPECT_EQ(Backups().size(), kBackupsKept);
}

TEST_F(MigrationsTest, AMigrationThatFailsChangesNothing) {
  MakeOld(1);
  const std::string before = Schema(Path());
  auto raw = Raw();
  const Migration broken[] = {AllMigrations()[0],
                              AllMigrations()[1],
                              {3, "0003_broken", "CREATE TABLE good (x); CREATE TABLE bad (;"}};
  const auto failed = Migrate(*raw, broken, folder_.File("backups"), 1);
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("0003_broken"), std::string::npos);
  raw.reset();
  EXPECT_EQ(Schema(Path()), before);
}

TEST_F(MigrationsTest, ADiskThatFillsUpWhileMigratingChangesNothing) {
  MakeOld(1);
  const std::string before = Schema(Path());
  FaultyVfs vfs("migrating");
  StoreOptions options = Options();
  options.vfs = vfs.name();
  int failures = 0;
  for (int n = 1;; ++n) {
    vfs.FailFrom(n, SQLITE_FULL);
    const auto opened = OpenSqliteStore(options);
    vfs.Heal();
    if (opened) break;
    ++failures;
    EXPECT_EQ(Schema(Path()), before) << "failing from operation " << n;
    ASSERT_LT(n, 2000);
  }
  EXPECT_GT(failures, 3);
}

TEST_F(MigrationsTest, ANewerSchemaIsRefused) {
  Open();
  store_.reset();
  ASSERT_TRUE(Raw()->Execute("PRAGMA user_version = 99"));
  const auto opened = OpenSqliteStore(Options());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(opened.error().message.find("newer version of Dure"), std::string::npos);
  EXPECT_NE(opened.error().message.find("99"), std::string::npos);
}

TEST_F(MigrationsTest, BesideAServerTheSchemaMustFit) {
  MakeOld(1);
  StoreOptions options = Options();
  options.migrate = false;
  const auto opened = OpenSqliteStore(options);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kUnsupported);
  Open();
  EXPECT_TRUE(OpenSqliteStore(options)) << "two processes may have it open";
}

TEST_F(MigrationsTest, AnotherProgramsFileIsLeftAlone) {
  ASSERT_TRUE(Raw()->Execute("CREATE TABLE theirs (x)"));
  const auto opened = OpenSqliteStore(Options());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(Schema(Path()), "CREATE TABLE theirs (x)\n");
  folder_.Write("dure.sqlite3", "this is no database at all, whatever its name may say\n");
  EXPECT_EQ(OpenSqliteStore(Options()).error().code, ErrorCode::kCorrupt);
}

TEST_F(MigrationsTest, OnlyTheOwnerMayRead) {
  Open();
  AddAccount("a");
  for (const char* end : {"", "-wal", "-shm"}) {
    struct stat status{};
    ASSERT_EQ(::stat((Path() + end).c_str(), &status), 0) << end;
    EXPECT_EQ(status.st_mode & 0777, 0600u) << end;
  }
}

TEST(DataFolderTest, OneProcessOwnsIt) {
  const formats::TempFolder folder;
  const std::string path = folder.File("new/data");
  const auto first = DataFolder::Open(path);
  ASSERT_TRUE(first) << first.error().message;
  struct stat status{};
  ::stat(path.c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  const auto second = DataFolder::Open(path);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(second.error().message.find(std::to_string(::getpid())), std::string::npos);
}

}  // namespace
}  // namespace dure::store::sqlite
