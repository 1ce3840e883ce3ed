#include "main/machine_rates.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <new>
#include <numeric>
#include <vector>

namespace dure {
namespace {

constexpr int kPasses = 5;

/// A sum over the words, in as many independent chains as the loads need to overlap.
uint64_t ReadAll(const uint64_t* words, int64_t begin, int64_t end) {
  std::array<uint64_t, 16> sums{};
  int64_t i = begin;
  for (; i + 16 <= end; i += 16) {
    for (int lane = 0; lane < 16; ++lane) sums[lane] += words[i + lane];
  }
  uint64_t sum = 0;
  for (const uint64_t lane : sums) sum += lane;
  return sum;
}

/// `peak` with as many rounds as take a moment.
double MeasureRate(int64_t (*peak)(int64_t), ThreadTeam& team) {
  constexpr int64_t kRounds = 200'000;
  double best = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    std::vector<int64_t> done(static_cast<size_t>(team.size()));
    const auto start = std::chrono::steady_clock::now();
    team.Run([&](int member) { done[static_cast<size_t>(member)] = peak(kRounds); });
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    const auto total = static_cast<double>(std::accumulate(done.begin(), done.end(), int64_t{0}));
    best = std::max(best, total / seconds.count());
  }
  return best;
}

}  // namespace

double MeasureIntegerRate(const numerics::Kernels& kernels, ThreadTeam& team) {
  return MeasureRate(kernels.integer_peak, team);
}

double MeasureFloatRate(const numerics::Kernels& kernels, ThreadTeam& team) {
  return MeasureRate(kernels.float_peak, team);
}

Result<double> MeasureReadBandwidth(uint64_t bytes, ThreadTeam& team) {
  const auto count = static_cast<int64_t>(bytes / sizeof(uint64_t));
  const std::unique_ptr<uint64_t[]> words(new (std::nothrow) uint64_t[static_cast<size_t>(count)]);
  if (words == nullptr) {
    return Fail(ErrorCode::kResourceExhausted,
                "no memory for a buffer of " + std::to_string(bytes) + " bytes");
  }
  // Each thread touches its own part first, so that on a machine with several memory nodes the part
  // lies near it.
  team.Run([&](int member) {
    const auto [begin, end] = ThreadTeam::Share(count, member, team.size());
    std::fill(words.get() + begin, words.get() + end, uint64_t{1});
  });
  std::vector<uint64_t> sums(static_cast<size_t>(team.size()));
  double best = 0;
  uint64_t check = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    const auto start = std::chrono::steady_clock::now();
    team.Run([&](int member) {
      const auto [begin, end] = ThreadTeam::Share(count, member, team.size());
      sums[static_cast<size_t>(member)] = ReadAll(words.get(), begin, end);
    });
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    for (const uint64_t sum : sums) check += sum;
    best = std::max(best, static_cast<double>(bytes) / seconds.count());
  }
  // The sums are used, so the loads cannot be left out.
  return check > 0 ? best : 0.0;
}

}  // namespace dure
