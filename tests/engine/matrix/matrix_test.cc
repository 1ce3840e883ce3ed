// The promise as a whole: {instruction set} x {threads} x {company} x {how the prompt was computed}
// x {speculation} x {sampling} x {cache type}, on tiny models of every architecture, gives the
// tokens and the log-probability bits that the scalar reference gives alone on one thread. Always a
// set that covers every pair of levels; all combinations with DURE_MATRIX=full.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "numerics/kernels.h"
#include "tests/engine/matrix/factors.h"
#include "tests/engine/tiny_engine.h"
#include "tests/models/full_shapes.h"

namespace dure::engine {
namespace {

using testing::Combination;
using testing::EventBits;
using testing::HoldingSink;
using testing::MakeTinyEngine;
using testing::RandomTokens;
using testing::RecordingSink;
using testing::Start;
using testing::TinyEngine;

constexpr int kThreadLevels[] = {1, 2, 3, 8};
constexpr int kOthers = 16;

/// One tiny file for each architecture and block type, for as long as the program runs.
class Models {
 public:
  Models() {
    for (const auto& [architecture, type] : models::testing::FullCases()) {
      models::testing::TinyShape shape = models::testing::FullShape(architecture, type);
      shape.context = 256;
      paths_.push_back(models::testing::WriteTinyModel(shape));
      names_.push_back(architecture + " " + std::string(numerics::InfoOf(type).name));
      // Experts are as many files of one architecture and type: the writer's name has both.
      std::filesystem::rename(paths_.back(), paths_.back() + "." + std::to_string(paths_.size()));
      paths_.back() += "." + std::to_string(paths_.size());
    }
  }
  ~Models() {
    for (const std::string& path : paths_) std::filesystem::remove(path);
  }
  const std::string& path(int index) const { return paths_[static_cast<size_t>(index)]; }
  const std::string& name(int index) const { return names_[static_cast<size_t>(index)]; }
  int size() const { return static_cast<int>(paths_.size()); }

 private:
  std::vector<std::string> paths_;
  std::vector<std::string> names_;
};

/// Those of this machine; the scalar reference first, but only in the full matrix: it takes seconds
/// for what others do in milliseconds, and tests/models compares it with them on the same models.
std::vector<const numerics::Kernels*> Isas(bool full) {
  std::vector<const numerics::Kernels*> isas;
  if (full) isas.push_back(numerics::KernelsFor(numerics::Isa::kReference));
  for (const numerics::Isa isa : numerics::kAllIsas) {
    if (isa == numerics::Isa::kReference) continue;
    if (const numerics::Kernels* kernels = numerics::KernelsFor(isa)) isas.push_back(kernels);
  }
  return isas;
}

/// A prompt over several blocks that says things twice, so that there is something to guess from.
std::vector<TokenId> Prompt() {
  std::vector<TokenId> prompt = RandomTokens(40, 42);
  prompt.insert(prompt.end(), prompt.begin(), prompt.begin() + 35);
  return prompt;
}

GenerateRequest Observed(int sampling) {
  GenerateRequest request;
  request.prompt = Prompt();
  request.max_tokens = 24;
  request.ignore_eos = true;
  request.top_logprobs = 2;
  request.priority = Priority::kLow;
  request.sampling.temperature = 0;
  if (sampling == 1) {
    // Few tokens, at random: guesses are right now and then.
    request.sampling.temperature = 10;
    request.sampling.seed = 7;
    request.sampling.top_p = 0.95f;
    request.sampling.frequency_penalty = 0.5f;
    for (TokenId id = 65; id < 68; ++id) request.sampling.logit_bias.emplace_back(id, 1000.0f);
  }
  return request;
}

GenerateRequest Other(uint32_t seed) {
  GenerateRequest request;
  request.prompt = RandomTokens(static_cast<int>(1 + seed * 13 % 60), 1000 + seed);
  request.sampling.seed = seed;
  request.max_tokens = static_cast<int>(3 + seed * 7 % 20);
  request.ignore_eos = true;
  request.priority = Priority::kLow;
  request.tenant = seed % 3 == 0 ? "another" : "";
  return request;
}

std::vector<uint32_t> Bits(RecordingSink& sink) {
  EXPECT_EQ(sink.WaitForFinish().reason, FinishReason::kLength);
  return EventBits(sink.events());
}

enum Company { kAlone, kAmongOthers, kWhileOthersDecode };
enum Prefill { kOneChunk, kSevens, kFromCache, kAfterPreemption };

EngineOptions OptionsFor(const Combination& c, const numerics::Kernels* kernels) {
  EngineOptions options;
  options.kernels = kernels;
  options.speculation = c[testing::kSpeculation] == 1 ? Speculation::kNgram : Speculation::kOff;
  options.max_speculating = 100;
  options.kv_type = c[testing::kCache] == 1 ? numerics::CacheType::kQ8 : numerics::CacheType::kF16;
  options.prefix_cache = c[testing::kPrefill] == kFromCache;
  if (c[testing::kPrefill] == kSevens) options.step_token_budget = 7;
  if (c[testing::kPrefill] == kAfterPreemption) {
    options.max_sequences = c[testing::kCompany] == kAlone ? 1 : kOthers + 1;
  }
  return options;
}

/// Takes all places from whoever has them: everybody else here is unimportant.
void Preempt(const TinyEngine& tiny, int places, std::vector<std::shared_ptr<RecordingSink>>& all) {
  for (int i = 0; i < places; ++i) {
    GenerateRequest important = Other(static_cast<uint32_t>(i));
    important.priority = Priority::kHigh;
    important.prompt.resize(1);
    important.max_tokens = 2;
    all.push_back(Start(*tiny.engine, important));
  }
}

/// The observed request's bits in the circumstances of a combination.
std::vector<uint32_t> BitsIn(const TinyEngine& tiny, const Combination& c) {
  const int prefill = c[testing::kPrefill];
  if (prefill == kFromCache) {
    GenerateRequest earlier = Observed(c[testing::kSampling]);
    earlier.prompt.resize(70);
    earlier.max_tokens = 2;
    Start(*tiny.engine, earlier)->WaitForFinish();
  }
  std::vector<std::shared_ptr<RecordingSink>> others;
  const auto first = std::make_shared<HoldingSink>();
  const bool company = c[testing::kCompany] != kAlone;
  if (c[testing::kCompany] == kWhileOthersDecode) {
    EXPECT_TRUE(tiny->Submit(Other(1), first));
    first->WaitForTokens(1);
  }
  if (c[testing::kCompany] == kAmongOthers) others.push_back(Start(*tiny.engine, Other(1)));
  for (uint32_t i = 2; company && i <= kOthers / 2; ++i) {
    others.push_back(Start(*tiny.engine, Other(i)));
  }
  const auto observed = std::make_shared<HoldingSink>(prefill == kAfterPreemption ? 5 : 1000);
  EXPECT_TRUE(tiny->Submit(Observed(c[testing::kSampling]), observed));
  for (uint32_t i = kOthers / 2 + 1; company && i <= kOthers; ++i) {
    others.push_back(Start(*tiny.engine, Other(i)));
  }
  first->Release();
  if (prefill == kAfterPreemption) {
    observed->WaitForTokens(5);
    Preempt(tiny, company ? kOthers + 1 : 1, others);
  }
  observed->Release();
  std::vector<uint32_t> bits = Bits(*observed);
  for (const auto& other : others) other->WaitForFinish();
  if (c[testing::kCompany] == kWhileOthersDecode) first->WaitForFinish();
  if (prefill == kFromCache) {
    EXPECT_GE(observed->WaitForFinish().usage.cached_tokens, 64);
  }
  if (prefill == kAfterPreemption) {
    EXPECT_GT(tiny->stats().preemptions, 0u);
  }
  EXPECT_EQ(tiny->stats().blocks_used, 0);
  return bits;
}

std::string Describe(const Combination& c, const Models& models,
                     const std::vector<const numerics::Kernels*>& isas) {
  constexpr const char* kCompanies[] = {"alone", "among others", "while others decode"};
  constexpr const char* kPrefills[] = {"one chunk", "chunks of 7", "from the cache", "preempted"};
  return models.name(c[testing::kModel]) + ", " +
         isas[static_cast<size_t>(c[testing::kIsa])]->name + ", " +
         std::to_string(kThreadLevels[c[testing::kThreads]]) + " threads, " +
         kCompanies[c[testing::kCompany]] + ", " + kPrefills[c[testing::kPrefill]] +
         (c[testing::kSpeculation] == 1 ? ", n-gram" : ", no speculation") +
         (c[testing::kSampling] == 1 ? ", seeded" : ", greedy") +
         (c[testing::kCache] == 1 ? ", q8" : ", f16");
}

TEST(Matrix, TheSameBits) {
  const Models models;
  const char* mode = std::getenv("DURE_MATRIX");
  const bool full = mode != nullptr && std::string(mode) == "full";
  const auto isas = Isas(full);
  const Combination levels = {models.size(), static_cast<int>(isas.size()), 4, 3, 4, 2, 2, 2};
  auto combinations =
      full ? testing::AllCombinations(levels) : testing::PairwiseCombinations(levels);
  // The scalar reference last: what takes longest is what time may run out for.
  std::partition(combinations.begin(), combinations.end(),
                 [&](const Combination& c) { return !full || c[testing::kIsa] != 0; });
  const char* seconds = std::getenv("DURE_MATRIX_SECONDS");
  const auto end = std::chrono::steady_clock::now() +
                   std::chrono::seconds(seconds != nullptr ? std::atoi(seconds) : 3600);

  std::map<std::array<int, 3>, std::vector<uint32_t>> references;  // by model, sampling, cache
  uint64_t accepted = 0;
  size_t done = 0;
  for (const Combination& c : combinations) {
    if (full && std::chrono::steady_clock::now() > end) break;
    auto& reference = references[{c[testing::kModel], c[testing::kSampling], c[testing::kCache]}];
    if (reference.empty()) {
      Combination plain = c;
      for (const auto factor : {testing::kIsa, testing::kThreads, testing::kCompany,
                                testing::kPrefill, testing::kSpeculation}) {
        plain[factor] = 0;
      }
      const TinyEngine tiny =
          MakeTinyEngine(models.path(c[testing::kModel]), 1, OptionsFor(plain, isas[0]));
      reference = BitsIn(tiny, plain);
      ASSERT_EQ(reference.size(), 24u * 6);
    }
    const TinyEngine tiny =
        MakeTinyEngine(models.path(c[testing::kModel]), kThreadLevels[c[testing::kThreads]],
                       OptionsFor(c, isas[static_cast<size_t>(c[testing::kIsa])]));
    ASSERT_EQ(BitsIn(tiny, c), reference) << Describe(c, models, isas);
    accepted += tiny->stats().accepted_tokens;
    ++done;
  }
  std::printf("%zu of %zu combinations, %llu guessed tokens taken\n", done, combinations.size(),
              static_cast<unsigned long long>(accepted));
  EXPECT_GT(accepted, 0u);
}

}  // namespace
}  // namespace dure::engine
