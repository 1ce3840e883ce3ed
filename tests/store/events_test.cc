// Streams of events: order, readers at their own pace, crashes, limits and removal.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <thread>

#include "store/event_pack.h"
#include "tests/store/faulty_vfs.h"
#include "tests/store/store_fixture.h"

namespace dure::store {
namespace {

constexpr size_t kPlenty = 1 << 20;

std::string Payload(int64_t id) { return R"({"delta":")" + std::to_string(id * 7919) + "\"}"; }

/// A reader's thread waits here for its wake.
class Bell {
 public:
  void Ring() {
    const std::lock_guard lock(mutex_);
    rung_ = true;
    changed_.notify_all();
  }
  bool Wait() {
    std::unique_lock lock(mutex_);
    const bool in_time = changed_.wait_for(lock, std::chrono::seconds(20), [&] { return rung_; });
    rung_ = false;
    return in_time;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool rung_ = false;
};

class EventsTest : public StoreFixture {
 protected:
  EventLog& events() { return store_->events(); }

  void Begin(const std::string& id, const std::string& account = kOwnerId, int64_t now_ms = 5) {
    const auto made = events().Create({id, account, "test", "head of " + id, now_ms});
    ASSERT_TRUE(made) << made.error().message;
  }
  void AppendMany(const std::string& id, int64_t first, int64_t last) {
    for (int64_t event = first; event <= last; ++event) {
      const auto taken = events().Append(id, Payload(event));
      ASSERT_TRUE(taken) << taken.error().message;
      ASSERT_EQ(*taken, event);
    }
  }
  Result<void> FinishAndWait(const std::string& id, StreamEnd end = {}) {
    Result<void> outcome;
    Bell bell;
    events().Finish(id, std::move(end), [&](const Result<void>& result) {
      outcome = result;
      bell.Ring();
    });
    EXPECT_TRUE(bell.Wait());
    return outcome;
  }
  /// All that Read gives after `after`, in pieces of most_bytes.
  std::vector<StreamEvent> ReadAll(const std::string& id, int64_t after = 0,
                                   size_t most_bytes = kPlenty) {
    std::vector<StreamEvent> all;
    for (;;) {
      const auto batch = events().Read("", id, after, most_bytes);
      EXPECT_TRUE(batch) << batch.error().message;
      if (!batch || batch->events.empty()) return all;
      for (const StreamEvent& event : batch->events) all.push_back(event);
      after = all.back().id;
      if (batch->finished) return all;
    }
  }
  static void ExpectSequence(const std::vector<StreamEvent>& events, int64_t first, int64_t last) {
    ASSERT_EQ(events.size(), static_cast<size_t>(last - first + 1));
    for (const StreamEvent& event : events) {
      EXPECT_EQ(event.id, first++);
      EXPECT_EQ(event.payload, Payload(event.id));
    }
  }
  /// Whether `text` stands anywhere in the database's files.
  bool OnDisk(const std::string& text) {
    for (const char* name : {"dure.sqlite3", "dure.sqlite3-wal"}) {
      if (folder_.ReadAll(folder_.File(name)).find(text) != std::string::npos) return true;
    }
    return false;
  }
};

TEST_F(EventsTest, ComeBackInOrderBeforeAndAfterTheEnd) {
  Open();
  Begin("s");
  EXPECT_TRUE(ReadAll("s").empty());
  AppendMany("s", 1, 2000);
  ExpectSequence(ReadAll("s"), 1, 2000);
  ASSERT_TRUE(store_->Flush());
  ExpectSequence(ReadAll("s", 1234), 1235, 2000);
  AppendMany("s", 2001, 2010);
  ASSERT_TRUE(FinishAndWait("s", {"the result", {}}));
  EXPECT_EQ(events().Append("s", "x").error().code, ErrorCode::kNotFound);
  Reopen();
  ExpectSequence(ReadAll("s"), 1, 2010);
  for (const int64_t after : {0, 1, 999, 2009, 2010, 5000}) {
    const auto rest = ReadAll("s", after, 100);
    if (after < 2010) {
      ExpectSequence(rest, after + 1, 2010);
    } else {
      EXPECT_TRUE(rest.empty());
    }
  }
  const auto info = *events().Find(kOwnerId, "s");
  ASSERT_TRUE(info.has_value());
  EXPECT_TRUE(info->finished);
  EXPECT_EQ(info->head, "head of s");
  EXPECT_EQ(info->result, "the result");
  EXPECT_EQ(info->last_event, 2010);
  EXPECT_EQ(info->kind, "test");
}

TEST_F(EventsTest, AFollowerIsToldOnceAndThenReads) {
  Open();
  Begin("s");
  std::atomic<int> wakes{0};
  auto reader = *events().Follow(kOwnerId, "s", 0, [&] { ++wakes; });
  AppendMany("s", 1, 3);
  EXPECT_EQ(wakes, 0) << "it has not asked yet";
  ExpectSequence(reader->Next(kPlenty)->events, 1, 3);
  EXPECT_TRUE(reader->Next(kPlenty)->events.empty());
  AppendMany("s", 4, 9);
  EXPECT_EQ(wakes, 1) << "once, until it has read";
  ExpectSequence(reader->Next(kPlenty)->events, 4, 9);
  EXPECT_FALSE(reader->Next(kPlenty)->finished);
  ASSERT_TRUE(FinishAndWait("s"));
  EXPECT_EQ(wakes, 2);
  EXPECT_TRUE(reader->Next(kPlenty)->finished);
  auto late = *events().Follow(kOwnerId, "s", 8, nullptr);
  const auto rest = *late->Next(kPlenty);
  ExpectSequence(rest.events, 9, 9);
  EXPECT_TRUE(rest.finished);
}

// Eight readers at different paces, one from the middle, two that join late, while one thread
// appends: each sees every event once and in order.
TEST_F(EventsTest, ReadersMissNothingAndSeeNothingTwice) {
  Open();
  Begin("s");
  constexpr int64_t kLast = 4000;
  std::atomic<int64_t> appended{0};
  const auto read = [&](int number) {
    const int64_t after = number == 3 ? 1500 : 0;
    const int64_t join_at = number == 3 ? 1500 : number >= 6 ? 2500 : 0;
    while (appended < join_at) std::this_thread::yield();
    Bell bell;
    auto reader = events().Follow(kOwnerId, "s", after, [&] { bell.Ring(); });
    ASSERT_TRUE(reader);
    int64_t next = after + 1;
    for (;;) {
      const auto batch = (*reader)->Next(number % 2 == 0 ? 1 : 3000);
      ASSERT_TRUE(batch) << batch.error().message;
      for (const StreamEvent& event : batch->events) {
        ASSERT_EQ(event.id, next++);
        ASSERT_EQ(event.payload, Payload(event.id));
      }
      if (batch->finished) break;
      if (batch->events.empty()) {
        ASSERT_TRUE(bell.Wait());
      }
    }
    EXPECT_EQ(next, kLast + 1);
    reader->reset();
  };
  std::vector<std::thread> readers;
  for (int i = 0; i < 8; ++i) readers.emplace_back(read, i);
  for (int64_t id = 1; id <= kLast; ++id) {
    ASSERT_TRUE(events().Append("s", Payload(id)));
    appended = id;
    // Some group commits fall between, so that readers meet events on disk and in memory.
    if (id % 500 == 0) {
      ASSERT_TRUE(store_->Flush());
    }
  }
  ASSERT_TRUE(FinishAndWait("s"));
  for (std::thread& reader : readers) reader.join();
}

TEST_F(EventsTest, AReaderThatLagsDoesNotHoldUpTheWriter) {
  Open();
  Begin("s");
  auto reader = *events().Follow(kOwnerId, "s", 0, nullptr);
  AppendMany("s", 1, 300);
  ASSERT_TRUE(store_->Flush());
  AppendMany("s", 301, 600);
  ASSERT_TRUE(FinishAndWait("s"));
  int64_t next = 1;
  for (;;) {
    const auto batch = *reader->Next(1000);
    for (const StreamEvent& event : batch.events) EXPECT_EQ(event.id, next++);
    if (batch.finished) break;
    ASSERT_FALSE(batch.events.empty());
  }
  EXPECT_EQ(next, 601);
}

TEST_F(EventsTest, ASnapshotStandsForAllBeforeIt) {
  Open();
  Begin("s");
  auto follower = *events().Follow(kOwnerId, "s", 0, nullptr);
  AppendMany("s", 1, 50);
  ExpectSequence(follower->Next(kPlenty)->events, 1, 50);
  ASSERT_TRUE(FinishAndWait("s", {"", "the whole"}));
  EXPECT_EQ(follower->Next(kPlenty)->events, (std::vector<StreamEvent>{{51, "the whole"}}));
  for (const int64_t after : {0, 17, 50}) {
    EXPECT_EQ(ReadAll("s", after), (std::vector<StreamEvent>{{51, "the whole"}})) << after;
  }
  EXPECT_TRUE(ReadAll("s", 51).empty());
}

TEST_F(EventsTest, BelongToTheirAccount) {
  Open();
  const Account other = AddAccount("other");
  Begin("s");
  AppendMany("s", 1, 3);
  for (const bool finished : {false, true}) {
    if (finished) {
      ASSERT_TRUE(FinishAndWait("s"));
    }
    EXPECT_FALSE(events().Find(other.id, "s")->has_value());
    EXPECT_EQ(events().Read(other.id, "s", 0, 1).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(events().Follow(other.id, "s", 0, nullptr).error().code, ErrorCode::kNotFound);
    EXPECT_FALSE(*events().Remove(other.id, "s"));
  }
  EXPECT_EQ(events().Create({"s", other.id, "test", "", 1}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(events().Create({"t", "nobody", "test", "", 1}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(events().Read("", "none", 0, 1).error().code, ErrorCode::kNotFound);
  ExpectSequence(ReadAll("s"), 1, 3);
}

TEST_F(EventsTest, RemovingOverwritesWhatStoodOnDisk) {
  Open();
  const std::string secret = "a sentence nobody may find again";
  for (const bool finished : {false, true}) {
    Begin("s");
    auto reader = *events().Follow(kOwnerId, "s", 0, nullptr);
    ASSERT_TRUE(events().Append("s", secret));
    ASSERT_TRUE(store_->Flush());
    EXPECT_TRUE(OnDisk(secret));
    if (finished) {
      ASSERT_TRUE(FinishAndWait("s", {"result: " + secret, {}}));
    }
    EXPECT_TRUE(*events().Remove(kOwnerId, "s"));
    EXPECT_FALSE(OnDisk(secret));
    EXPECT_FALSE(events().Find("", "s")->has_value());
    EXPECT_EQ(reader->Next(kPlenty).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(events().Append("s", "x").error().code, ErrorCode::kNotFound);
    EXPECT_FALSE(*events().Remove(kOwnerId, "s"));
  }
}

TEST_F(EventsTest, EndWithTheirAccount) {
  Open();
  const Account account = AddAccount("a");
  Begin("s", account.id);
  Begin("mine");
  AppendMany("s", 1, 3);
  ASSERT_TRUE(store_->Flush());
  ASSERT_TRUE(store_->accounts().Remove(account.id));
  EXPECT_TRUE(events().Append("s", "x")) << "nobody has noticed yet";
  AppendMany("mine", 1, 3);
  ASSERT_TRUE(store_->Flush());
  EXPECT_EQ(events().Append("s", "x").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(FinishAndWait("s").error().code, ErrorCode::kNotFound);
  Reopen();
  EXPECT_FALSE(events().Find("", "s")->has_value());
  ExpectSequence(ReadAll("mine"), 1, 3);
}

TEST_F(EventsTest, HaveLimits) {
  StoreOptions options = Options();
  options.event_limits = {.max_event_bytes = 100,
                          .max_head_bytes = 50,
                          .max_stream_bytes = 250,
                          .max_pending_bytes = 1000,
                          .max_open_streams = 4,
                          .max_streams = 3,
                          .max_account_bytes = 1 << 20};
  store_ = std::move(*OpenSqliteStore(options));
  Begin("s");
  EXPECT_EQ(events().Append("s", std::string(101, 'x')).error().code,
            ErrorCode::kResourceExhausted);
  EXPECT_TRUE(events().Append("s", std::string(100, 'x')));
  EXPECT_TRUE(events().Append("s", std::string(100, 'x')));
  EXPECT_EQ(events().Append("s", std::string(100, 'x')).error().code,
            ErrorCode::kResourceExhausted);
  EXPECT_EQ(*events().Append("s", "y"), 3) << "what was refused took no id";
  EXPECT_EQ(events().Create({"t", kOwnerId, "test", std::string(51, 'h'), 1}).error().code,
            ErrorCode::kResourceExhausted);
  EXPECT_EQ(FinishAndWait("s", {std::string(51, 'r'), {}}).error().code,
            ErrorCode::kResourceExhausted);
  ASSERT_TRUE(FinishAndWait("s"));
  for (int i = 0; i < 4; ++i) Begin("open" + std::to_string(i), kOwnerId, 10 + i);
  EXPECT_EQ(events().Create({"one more", kOwnerId, "test", "", 1}).error().code,
            ErrorCode::kResourceExhausted);
  EXPECT_FALSE(events().Find("", "s")->has_value()) << "the oldest finished one made room";
  EXPECT_TRUE(events().Find("", "open0")->has_value()) << "one that is open stays";
}

TEST_F(EventsTest, OldOnesAreRemoved) {
  Open();
  Begin("old", kOwnerId, 10);
  Begin("open", kOwnerId, 10);
  Begin("new", kOwnerId, 20);
  ASSERT_TRUE(FinishAndWait("old"));
  ASSERT_TRUE(FinishAndWait("new"));
  ASSERT_TRUE(events().RemoveBefore("other", 15));
  EXPECT_TRUE(events().Find("", "old")->has_value());
  ASSERT_TRUE(events().RemoveBefore("test", 15));
  EXPECT_FALSE(events().Find("", "old")->has_value());
  EXPECT_TRUE(events().Find("", "open")->has_value());
  EXPECT_TRUE(events().Find("", "new")->has_value());
}

TEST_F(EventsTest, ADiskThatFailsForAWhileLosesNothing) {
  FaultyVfs vfs("events");
  StoreOptions options = Options();
  options.vfs = vfs.name();
  store_ = std::move(*OpenSqliteStore(options));
  Begin("s");
  auto reader = *events().Follow(kOwnerId, "s", 0, nullptr);
  vfs.FailFrom(1, SQLITE_FULL);
  AppendMany("s", 1, 20);
  (void)store_->Flush();
  ExpectSequence(reader->Next(kPlenty)->events, 1, 20);
  EXPECT_FALSE(FinishAndWait("s"));
  AppendMany("s", 21, 22);
  vfs.Heal();
  ASSERT_TRUE(FinishAndWait("s"));
  store_.reset();
  {
    const std::lock_guard lock(log_mutex_);
    EXPECT_FALSE(log_.empty());
  }
  Open();
  ExpectSequence(ReadAll("s"), 1, 22);
  store_.reset();
}

TEST_F(EventsTest, AStoreThatCannotWriteStillCloses) {
  FaultyVfs vfs("closing");
  StoreOptions options = Options();
  options.vfs = vfs.name();
  store_ = std::move(*OpenSqliteStore(options));
  Begin("s");
  AppendMany("s", 1, 3);
  ASSERT_TRUE(store_->Flush());
  vfs.FailFrom(1, SQLITE_FULL);
  AppendMany("s", 4, 6);
  store_.reset();
  vfs.Heal();
  Open();
  ExpectSequence(ReadAll("s"), 1, 3);
  store_.reset();
}

// The writing process is killed at many moments: what is found is a beginning of the stream without
// a gap, with all that had been flushed; it can be opened again and ended.
TEST_F(EventsTest, AKilledWriterLeavesABeginning) {
  Open();
  store_.reset();
  for (int round = 0; round < 6; ++round) {
    const std::string id = "s" + std::to_string(round);
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto store = OpenSqliteStore(Options());
      if (!store || !(*store)->events().Create({id, kOwnerId, "test", "h", 1})) ::_exit(1);
      for (int64_t event = 1;; ++event) {
        if (!(*store)->events().Append(id, Payload(event))) break;
        if (event % 40 != 0) continue;
        if (!(*store)->Flush()) break;
        const char byte = 'x';
        if (::write(pipe_ends[1], &byte, 1) != 1) break;
      }
      ::_exit(1);
    }
    ::close(pipe_ends[1]);
    int64_t flushed = 0;
    char byte = 0;
    while (flushed < 40 * (1 + round * 4) && ::read(pipe_ends[0], &byte, 1) == 1) flushed += 40;
    ::kill(child, SIGKILL);
    while (::read(pipe_ends[0], &byte, 1) == 1) flushed += 40;
    ::close(pipe_ends[0]);
    ::waitpid(child, nullptr, 0);
    Open();
    const auto found = ReadAll(id);
    const auto last = static_cast<int64_t>(found.size());
    EXPECT_GE(last, flushed);
    ExpectSequence(found, 1, last);
    EXPECT_EQ(events().Follow("", id, 0, nullptr).error().code, ErrorCode::kUnavailable);
    const auto cut = *events().CutOff("test");
    ASSERT_EQ(cut.size(), 1u);
    EXPECT_EQ(cut[0].id, id);
    EXPECT_EQ(cut[0].last_event, last);
    ASSERT_TRUE(events().Reopen(id));
    EXPECT_EQ(events().Reopen(id).error().code, ErrorCode::kConflict);
    EXPECT_TRUE(events().CutOff("test")->empty());
    AppendMany(id, last + 1, last + 1);
    ASSERT_TRUE(FinishAndWait(id));
    ExpectSequence(ReadAll(id), 1, last + 1);
    store_.reset();
  }
}

TEST(EventPackTest, DamageIsAnError) {
  const std::vector<StreamEvent> events = {{3, "a"}, {4, ""}, {900, std::string(1000, 'b')}};
  const std::string packed = *PackEvents(events);
  EXPECT_LT(packed.size(), 100u);
  EXPECT_EQ(*UnpackEvents(packed, 2000), events);
  EXPECT_EQ(UnpackEvents(packed, 900).error().code, ErrorCode::kResourceExhausted);
  for (size_t cut = 0; cut < packed.size(); ++cut) {
    EXPECT_FALSE(UnpackEvents(packed.substr(0, cut), 2000)) << cut;
  }
  for (size_t at = 0; at < packed.size(); ++at) {
    std::string damaged = packed;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x41);
    const auto unpacked = UnpackEvents(damaged, 2000);
    if (unpacked) {  // a bit that says nothing (zlib's level)
      EXPECT_EQ(*unpacked, events) << at;
    }
  }
}

}  // namespace
}  // namespace dure::store
