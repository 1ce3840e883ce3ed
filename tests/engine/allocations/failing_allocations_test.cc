// The n-th allocation fails, for every n of a request's way through the engine: the request ends
// with an error, nothing is lost, and the next one gets the bits it always gets.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <new>
#include <optional>
#include <string>

#include "engine/engine.h"
#include "tests/engine/tiny_engine.h"

namespace {

enum class Failing { kOnce, kFromThenOn };

std::atomic<int64_t> allocations_left{-1};  // until one fails; negative: none does
std::atomic<bool> keep_failing{false};

bool ThisOneFails() {
  if (allocations_left.load(std::memory_order_relaxed) < 0) return false;
  const int64_t left = allocations_left.fetch_sub(1);
  if (left > 0) return false;
  if (keep_failing) allocations_left = 0;
  return left == 0 || keep_failing;
}

void* AllocateOrThrow(size_t size, size_t alignment) {
  if (ThisOneFails()) throw std::bad_alloc();
  const size_t rounded = (size + alignment - 1) / alignment * alignment;
  void* memory = alignment <= alignof(std::max_align_t) ? std::malloc(size > 0 ? size : 1)
                                                        : std::aligned_alloc(alignment, rounded);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(size_t size) { return AllocateOrThrow(size, 1); }
void* operator new[](size_t size) { return AllocateOrThrow(size, 1); }
void* operator new(size_t size, std::align_val_t alignment) {
  return AllocateOrThrow(size, static_cast<size_t>(alignment));
}
void* operator new[](size_t size, std::align_val_t alignment) {
  return AllocateOrThrow(size, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }

namespace dure::engine {
namespace {

using testing::MakeTinyEngine;
using testing::RandomTokens;
using testing::TinyEngine;
using testing::TinyModelPath;

/// While it lives, the n-th allocation of any thread fails (n counted from 0), and those after it
/// where they are to.
class FailAllocation {
 public:
  FailAllocation(int64_t n, Failing failing) {
    keep_failing = failing == Failing::kFromThenOn;
    allocations_left = n;
  }
  ~FailAllocation() { Stop(); }
  /// Whether it came to that.
  bool Stop() {
    const int64_t left = allocations_left.exchange(-1);
    const bool failed = stopped_ ? failed_ : (keep_failing ? left <= 0 : left < 0);
    stopped_ = true;
    return failed_ = failed;
  }

 private:
  bool stopped_ = false;
  bool failed_ = false;
};

/// Keeps an answer without allocating.
class FixedSink : public Sink {
 public:
  void OnToken(const TokenEvent& event) override {
    Add(static_cast<uint32_t>(event.id));
    Add(std::bit_cast<uint32_t>(event.logprob));
    for (const TokenLogprob& entry : event.top) Add(std::bit_cast<uint32_t>(entry.logprob));
  }
  void OnFinish(const FinishEvent& event) override {
    reason = event.reason;
    if (event.error) code = event.error->code;
    ++finishes;
    finished = true;
    finished.notify_all();
  }
  void Wait() const { finished.wait(false); }

  std::array<uint32_t, 256> bits{};
  size_t count = 0;
  FinishReason reason = FinishReason::kStop;
  std::optional<ErrorCode> code;
  int finishes = 0;
  std::atomic<bool> finished{false};

 private:
  void Add(uint32_t value) {
    if (count < bits.size()) bits[count++] = value;
  }
};

/// Two requests, so that steps have several rows to sample: one with everything the sampler can do,
/// one that guesses and stops.
std::array<GenerateRequest, 2> Requests() {
  std::array<GenerateRequest, 2> requests;
  requests[0].prompt = RandomTokens(70, 1);
  requests[0].sampling.seed = 4;
  requests[0].sampling.top_k = 40;
  requests[0].sampling.typical_p = 0.95f;
  requests[0].sampling.top_p = 0.9f;
  requests[0].sampling.frequency_penalty = 0.5f;
  requests[0].stop = {"a stop string that is too long for a string without an allocation"};
  requests[0].max_tokens = 6;
  requests[0].top_logprobs = 3;
  requests[0].ignore_eos = true;
  requests[0].tenant = "a tenant whose name is too long for a string without an allocation";
  requests[1].prompt = {65, 66, 67, 65, 66, 67, 65, 66, 67};
  requests[1].sampling.temperature = 0;
  requests[1].sampling.logit_bias = {{65, 1e6f}};
  requests[1].max_tokens = 12;
  requests[1].top_logprobs = 0;
  return requests;
}

struct Outcome {
  std::array<std::shared_ptr<FixedSink>, 2> sinks;
  std::array<Result<RequestId>, 2> submitted;
};

void RunBoth(Engine& engine, std::array<GenerateRequest, 2>& requests, Outcome& outcome) {
  for (size_t i = 0; i < 2; ++i) {
    outcome.submitted[i] = engine.Submit(std::move(requests[i]), outcome.sinks[i]);
  }
  for (size_t i = 0; i < 2; ++i) {
    if (outcome.submitted[i]) outcome.sinks[i]->Wait();
  }
}

Outcome NewOutcome() {
  Outcome outcome;
  for (auto& sink : outcome.sinks) sink = std::make_shared<FixedSink>();
  return outcome;
}

/// Experts, windows, or neither.
struct Subject {
  const char* architecture;
  Failing failing;
};

class FailingAllocations : public ::testing::TestWithParam<Subject> {
 protected:
  void SetUp() override {
    models::testing::TinyShape shape = {.architecture = GetParam().architecture,
                                        .layers = 1,
                                        .width = 64,
                                        .head_dim = 16,
                                        .ff_width = 64,
                                        .context = 256};
    if (shape.architecture == "gemma3") shape.layers = 6;
    if (shape.architecture == "qwen3moe") shape.experts = 4;
    path_ = models::testing::WriteTinyModel(shape);
    ASSERT_FALSE(path_.empty());
  }
  void TearDown() override { std::filesystem::remove(path_); }

  std::string path_;
};

TEST_P(FailingAllocations, EndTheRequestAndNothingElse) {
  Outcome expected = NewOutcome();
  {
    const TinyEngine tiny = MakeTinyEngine(path_, 2);
    auto requests = Requests();
    RunBoth(*tiny.engine, requests, expected);
    ASSERT_EQ(expected.sinks[0]->reason, FinishReason::kLength);
    ASSERT_EQ(expected.sinks[1]->reason, FinishReason::kLength);
  }
  int failures = 0;
  for (int64_t n = 0;; ++n) {
    const TinyEngine tiny = MakeTinyEngine(path_, 2);
    auto requests = Requests();
    Outcome outcome = NewOutcome();
    FailAllocation fail(n, GetParam().failing);
    RunBoth(*tiny.engine, requests, outcome);
    const bool failed = fail.Stop();
    for (size_t i = 0; i < 2; ++i) {
      if (!outcome.submitted[i]) {
        EXPECT_EQ(outcome.submitted[i].error().code, ErrorCode::kResourceExhausted) << n;
        EXPECT_EQ(outcome.sinks[i]->finishes, 0) << n;
        ++failures;
        continue;
      }
      EXPECT_EQ(outcome.sinks[i]->finishes, 1) << n;
      if (outcome.sinks[i]->reason == FinishReason::kError) {
        EXPECT_EQ(outcome.sinks[i]->code, ErrorCode::kResourceExhausted) << n;
        ++failures;
      } else {
        EXPECT_EQ(outcome.sinks[i]->bits, expected.sinks[i]->bits) << n;
      }
    }
    EXPECT_EQ(tiny->stats().blocks_used, 0) << n;
    requests = Requests();
    Outcome again = NewOutcome();
    RunBoth(*tiny.engine, requests, again);
    for (size_t i = 0; i < 2; ++i) {
      ASSERT_EQ(again.sinks[i]->reason, FinishReason::kLength) << n;
      ASSERT_EQ(again.sinks[i]->bits, expected.sinks[i]->bits) << n;
    }
    EXPECT_EQ(tiny->stats().blocks_used, 0) << n;
    tiny->ClearCache();
    EXPECT_EQ(tiny->stats().blocks_cached, 0) << n;
    if (!failed) break;
  }
  EXPECT_GT(failures, 100);
}

INSTANTIATE_TEST_SUITE_P(
    Allocations, FailingAllocations,
    ::testing::Values(Subject{"llama", Failing::kOnce}, Subject{"llama", Failing::kFromThenOn},
                      Subject{"gemma3", Failing::kOnce}, Subject{"qwen3moe", Failing::kOnce},
                      Subject{"qwen3moe", Failing::kFromThenOn}),
    [](const auto& info) {
      return std::string(info.param.architecture) +
             (info.param.failing == Failing::kOnce ? "_once" : "_from_then_on");
    });

TEST(FailingCreate, IsAnError) {
  for (int64_t n = 0;; ++n) {
    const auto file = formats::GgufFile::Open(TinyModelPath());
    auto read = text::Tokenizer::FromGguf(**file);
    ASSERT_TRUE(read);
    const std::shared_ptr<const text::Tokenizer> tokenizer = *std::move(read);
    ThreadTeam team(2);
    models::LoadOptions load;
    load.team = &team;
    auto model = models::LoadModel(**file, load);
    EngineOptions options;
    options.team = &team;
    FailAllocation fail(n, Failing::kOnce);
    auto engine = Engine::Create(*std::move(model), tokenizer, options);
    const bool failed = fail.Stop();
    if (!failed) {
      EXPECT_TRUE(engine);
      break;
    }
    ASSERT_FALSE(engine) << n;
    EXPECT_EQ(engine.error().code, ErrorCode::kResourceExhausted) << n;
  }
}

}  // namespace
}  // namespace dure::engine
