// Mixed load for a while: several threads submit all kinds of requests, cancel some, let deadlines
// pass, clear the cache and read the numbers. Every request gets its one end, no block is lost, and
// memory does not grow.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "models/kv_storage.h"
#include "models/registry.h"
#include "tests/engine/tiny_engine.h"

namespace dure::engine {
namespace {

using testing::MakeTinyEngine;
using testing::RandomTokens;
using testing::TinyEngine;
using testing::TinyModelPath;
using Clock = std::chrono::steady_clock;

// Sanitizers keep freed memory and shadows of it.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif
constexpr int kClients = 4;
constexpr int64_t kMostGrowth = 16 << 20;  // bytes, once everything has been seen

/// Bytes of this process in memory.
int64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  int64_t pages = 0;
  file >> pages >> pages;
  return pages * sysconf(_SC_PAGESIZE);
}

/// What all requests of the run come to.
struct Totals {
  std::array<std::atomic<uint64_t>, 4> by_reason{};  // FinishReason
  std::atomic<uint64_t> refused{0};
  std::atomic<uint64_t> wrong{0};  // two ends, a token after the end, an error nobody expects
  std::mutex mutex;
  std::condition_variable changed;
  int running = 0;
};

class CountingSink : public Sink {
 public:
  CountingSink(Totals& totals, Engine& engine, int cancel_at)
      : totals_(totals), engine_(engine), cancel_at_(cancel_at) {}

  void SetId(RequestId id) { id_ = id; }
  void OnToken(const TokenEvent&) override {
    if (ended_) ++totals_.wrong;
    if (++tokens_ == cancel_at_ && id_ != 0) engine_.Cancel(id_);
  }
  void OnFinish(const FinishEvent& event) override {
    const bool expected_error = event.error && event.error->code == ErrorCode::kUnavailable;
    if (ended_ || (event.reason == FinishReason::kError && !expected_error)) ++totals_.wrong;
    ended_ = true;
    ++totals_.by_reason[static_cast<size_t>(event.reason)];
    const std::lock_guard lock(totals_.mutex);
    --totals_.running;
    totals_.changed.notify_all();
  }

 private:
  Totals& totals_;
  Engine& engine_;
  const int cancel_at_;
  std::atomic<RequestId> id_{0};
  int tokens_ = 0;
  bool ended_ = false;
};

GenerateRequest RandomRequest(std::mt19937& random) {
  GenerateRequest request;
  // A few beginnings that many share, and some that nobody does.
  const uint32_t start = random() % 3 == 0 ? random() : random() % 5;
  request.prompt = RandomTokens(static_cast<int>(1 + random() % 180), start);
  request.max_tokens = static_cast<int>(1 + random() % 40);
  request.tenant = std::string(1, static_cast<char>('a' + random() % 4));
  request.priority = static_cast<Priority>(random() % kPriorities);
  request.sampling.seed = random();
  request.ignore_eos = random() % 2 == 0;
  if (random() % 3 == 0) request.sampling.temperature = 0;
  if (random() % 3 == 0) request.sampling.top_p = 0.9f;
  if (random() % 4 == 0) request.sampling.logit_bias = {{65, 50.0f}};  // something to guess
  if (random() % 4 == 0) request.top_logprobs = static_cast<int>(random() % 5);
  if (random() % 5 == 0) request.stop = {"a", "bc"};
  if (random() % 6 == 0) request.forced = RandomTokens(static_cast<int>(1 + random() % 50), start);
  if (random() % 8 == 0) {
    request.queue_deadline = Clock::now() + std::chrono::milliseconds(random() % 20);
  }
  if (random() % 8 == 0) request.deadline = Clock::now() + std::chrono::milliseconds(random() % 50);
  return request;
}

void Client(Engine& engine, Totals& totals, Clock::time_point end, unsigned seed) {
  std::mt19937 random(seed);
  while (Clock::now() < end) {
    const int cancel_at = random() % 5 == 0 ? static_cast<int>(1 + random() % 10) : -1;
    const auto sink = std::make_shared<CountingSink>(totals, engine, cancel_at);
    {
      std::unique_lock lock(totals.mutex);
      totals.changed.wait(lock, [&] { return totals.running < 28; });
      ++totals.running;
    }
    const auto id = engine.Submit(RandomRequest(random), sink);
    if (!id) {
      ++totals.refused;
      const std::lock_guard lock(totals.mutex);
      --totals.running;
      totals.changed.notify_all();
      continue;
    }
    sink->SetId(*id);
    if (random() % 10 == 0) engine.Cancel(*id - random() % 3);
    if (random() % 200 == 0) engine.ClearCache();
    if (random() % 20 == 0 && engine.stats().blocks_used > engine.stats().blocks_total) {
      ++totals.wrong;
    }
  }
}

void LoadFor(Engine& engine, Totals& totals, std::chrono::milliseconds time, unsigned seed) {
  const Clock::time_point end = Clock::now() + time;
  std::vector<std::thread> clients;
  for (unsigned i = 0; i < kClients; ++i) {
    clients.emplace_back([&, i] { Client(engine, totals, end, seed + i); });
  }
  for (std::thread& client : clients) client.join();
  std::unique_lock lock(totals.mutex);
  totals.changed.wait(lock, [&] { return totals.running == 0; });
}

TEST(MixedLoad, LosesNothingAndDoesNotGrow) {
  const char* seconds = std::getenv("DURE_SOAK_SECONDS");
  const std::chrono::milliseconds time(1000 * (seconds != nullptr ? std::atoi(seconds) : 3));
  const auto file = formats::GgufFile::Open(TinyModelPath());
  ASSERT_TRUE(file);
  EngineOptions options;
  options.max_sequences = 10;
  options.max_queued = 20;
  options.max_queued_prompt_tokens = 2500;
  // Few enough blocks that sequences push each other out.
  options.kv_bytes =
      24 * models::KvStorage::BlockBytes(*models::ReadConfig(**file), numerics::CacheType::kF16);
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 2, options);
  Totals totals;
  LoadFor(*tiny.engine, totals, time / 3, 1);
  const int64_t before = ResidentBytes();
  LoadFor(*tiny.engine, totals, time - time / 3, 100);
  const int64_t after = ResidentBytes();

  EXPECT_EQ(totals.wrong, 0u);
  const EngineStats stats = tiny->stats();
  EXPECT_EQ(stats.blocks_used, 0);
  EXPECT_EQ(stats.running, 0);
  EXPECT_EQ(stats.queued, 0);
  EXPECT_EQ(stats.queued_prompt_tokens, 0);
  tiny->ClearCache();
  EXPECT_EQ(tiny->stats().blocks_cached, 0);
  if (!kSanitized) {
    EXPECT_LE(after - before, kMostGrowth);
  }
  const auto count = [&](FinishReason reason) {
    return totals.by_reason[static_cast<size_t>(reason)].load();
  };
  std::printf(
      "%llu ended by a stop, %llu by length, %llu cancelled, %llu late, %llu refused; %llu "
      "preemptions, %llu prompts found in the cache, %llu blocks evicted, %llu of %llu guesses "
      "right; %lld KiB more memory\n",
      static_cast<unsigned long long>(count(FinishReason::kStop)),
      static_cast<unsigned long long>(count(FinishReason::kLength)),
      static_cast<unsigned long long>(count(FinishReason::kCancelled)),
      static_cast<unsigned long long>(count(FinishReason::kError)),
      static_cast<unsigned long long>(totals.refused.load()),
      static_cast<unsigned long long>(stats.preemptions),
      static_cast<unsigned long long>(stats.prefix_hits),
      static_cast<unsigned long long>(stats.prefix_evictions),
      static_cast<unsigned long long>(stats.accepted_tokens),
      static_cast<unsigned long long>(stats.drafted_tokens),
      static_cast<long long>((after - before) >> 10));
  EXPECT_GT(count(FinishReason::kLength), 0u);
  EXPECT_GT(stats.prefix_hits, 0u);
}

}  // namespace
}  // namespace dure::engine
