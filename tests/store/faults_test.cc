// What can happen to a database under a running server: every failing write, damage, many writers.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "store/sqlite/connection.h"
#include "tests/store/faulty_vfs.h"
#include "tests/store/store_fixture.h"

namespace dure::store {
namespace {

class FaultsTest : public StoreFixture {
 protected:
  void OpenFaulty(const FaultyVfs& vfs) {
    StoreOptions options = Options();
    options.vfs = vfs.name();
    auto opened = OpenSqliteStore(options);
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }
  Result<Account> TryAccount(const std::string& name) {
    return store_->accounts().Create({name, Role::kMember, std::string(5000, 'h'), {}, 1});
  }
  void ExpectIntact() {
    auto connection =
        *sqlite::Connection::Open(folder_.File("dure.sqlite3"), sqlite::Access::kReadOnly, "");
    auto statement = *connection->Prepare("PRAGMA integrity_check");
    ASSERT_TRUE(*statement.Step());
    EXPECT_EQ(statement.Text(0), "ok");
  }
};

TEST_F(FaultsTest, AWriteThatFailsAnywhereLeavesAllOrNothing) {
  for (const int code : {SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC}) {
    FaultyVfs vfs("faulty");
    OpenFaulty(vfs);
    int round = 0;
    for (int n = 1;; ++n) {
      const std::string name = "user-" + std::to_string(code) + "-" + std::to_string(++round);
      vfs.FailFrom(n, code);
      const auto made = TryAccount(name);
      vfs.Heal();
      const auto found = store_->accounts().FindByName(name);
      ASSERT_TRUE(found) << found.error().message;
      EXPECT_EQ(found->has_value(), made.has_value()) << "failing from operation " << n;
      if (made) break;
      EXPECT_EQ(made.error().code,
                code == SQLITE_FULL ? ErrorCode::kResourceExhausted : ErrorCode::kIo);
      ASSERT_LT(n, 200);
    }
    EXPECT_GT(round, 1);
    EXPECT_TRUE(TryAccount("after-" + std::to_string(code))) << "it goes on when the disk is back";
    store_.reset();
    ExpectIntact();
  }
}

TEST_F(FaultsTest, AFullDiskIsNamedAndReadingGoesOn) {
  FaultyVfs vfs("full");
  OpenFaulty(vfs);
  ASSERT_TRUE(TryAccount("before"));
  vfs.FailFrom(1, SQLITE_FULL);
  const auto made = TryAccount("during");
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("full"), std::string::npos);
  EXPECT_TRUE(store_->accounts().FindByName("before")->has_value());
  store_->usage().Append({});
  EXPECT_FALSE(TryAccount("again"));
  (void)store_->Flush();
  {
    const std::lock_guard lock(log_mutex_);
    EXPECT_FALSE(log_.empty()) << "a record that was lost is in the log";
  }
  vfs.Heal();
  EXPECT_TRUE(TryAccount("after"));
  store_.reset();
}

TEST_F(FaultsTest, DamageIsAnErrorNotACrash) {
  Open();
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(TryAccount("user" + std::to_string(i)));
  store_.reset();
  const std::string path = folder_.File("dure.sqlite3");
  std::string bytes = folder_.ReadAll(path);
  for (size_t at = 4096; at < bytes.size(); at += 97)
    bytes[at] = static_cast<char>(bytes[at] ^ 0x5a);
  folder_.Write("dure.sqlite3", bytes);
  const auto opened = OpenSqliteStore(Options());
  if (opened) {
    const auto list = (*opened)->accounts().List();
    ASSERT_FALSE(list);
    EXPECT_EQ(list.error().code, ErrorCode::kCorrupt);
    EXPECT_NE(list.error().message.find("backup"), std::string::npos);
  } else {
    EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
  }
}

TEST_F(FaultsTest, AFolderThatCannotBeWrittenIsNamed) {
  StoreOptions options = Options();
  options.folder = "/proc/nowhere";
  const auto opened = OpenSqliteStore(options);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kIo);
  EXPECT_NE(opened.error().message.find("/proc/nowhere"), std::string::npos);
}

TEST_F(FaultsTest, ManyThreadsWriteAndReadAtOnce) {
  Open();
  std::vector<std::thread> threads;
  std::atomic<int> failures{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const std::string name = std::to_string(t) + "-" + std::to_string(i);
        if (!TryAccount(name)) ++failures;
        if (!store_->accounts().FindByName(name).value_or(std::nullopt)) ++failures;
        store_->usage().Append({});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  ASSERT_TRUE(store_->Flush());
  EXPECT_EQ(store_->usage().Sum({})->requests, 200);
  EXPECT_EQ(store_->accounts().List()->size(), 200u);
}

TEST_F(FaultsTest, AnotherProcessMayWriteBesideIt) {
  Open();
  AddAccount("here");
  const int64_t before = *store_->access_version();
  StoreOptions options = Options();
  options.migrate = false;
  auto beside = OpenSqliteStore(options);  // what the command line does while a server runs
  ASSERT_TRUE(beside);
  const Account here = **(*beside)->accounts().FindByName("here");
  ASSERT_TRUE((*beside)->accounts().Remove(here.id));
  EXPECT_FALSE(store_->accounts().FindByName("here")->has_value());
  EXPECT_GT(*store_->access_version(), before);
  AddAccount("there");
  EXPECT_TRUE((*beside)->accounts().FindByName("there")->has_value());
}

// Kills a writing process at many moments: what it said was stored is there, and nothing is torn.
TEST_F(FaultsTest, AKilledWriterLosesNothingItAcknowledged) {
  Open();
  store_.reset();
  for (int round = 0; round < 12; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto store = OpenSqliteStore(Options());
      for (int i = 0; store; ++i) {
        const std::string name = std::to_string(round) + "-" + std::to_string(i);
        if (!(*store)->accounts().Create({name, Role::kMember, "h", {}, 1})) break;
        const char byte = 'x';
        if (::write(pipe_ends[1], &byte, 1) != 1) break;
      }
      ::_exit(1);
    }
    ::close(pipe_ends[1]);
    int acknowledged = 0;
    char byte = 0;
    while (acknowledged < 3 + round * 5 && ::read(pipe_ends[0], &byte, 1) == 1) ++acknowledged;
    ::kill(child, SIGKILL);
    while (::read(pipe_ends[0], &byte, 1) == 1) ++acknowledged;
    ::close(pipe_ends[0]);
    ::waitpid(child, nullptr, 0);
    ASSERT_GT(acknowledged, 0);
    Open();
    for (int i = 0; i < acknowledged; ++i) {
      const std::string name = std::to_string(round) + "-" + std::to_string(i);
      EXPECT_TRUE(store_->accounts().FindByName(name)->has_value()) << name;
    }
    store_.reset();
    ExpectIntact();
  }
}

}  // namespace
}  // namespace dure::store
