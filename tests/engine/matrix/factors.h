// What must not matter, as numbers: one combination picks a level of each factor.
#pragma once

#include <array>
#include <random>
#include <set>
#include <utility>
#include <vector>

namespace dure::engine::testing {

enum Factor {
  kModel,
  kIsa,
  kThreads,      // 1, 2, 3, 8
  kCompany,      // alone, among sixteen others, arriving while others decode
  kPrefill,      // in one chunk, in chunks of seven, from the cache, again after a preemption
  kSpeculation,  // off, n-gram
  kSampling,     // greedy, seeded
  kCache,        // f16, q8
  kFactors
};

using Combination = std::array<int, kFactors>;

/// All of them, in an order that mixes early.
inline std::vector<Combination> AllCombinations(const Combination& levels) {
  std::vector<Combination> all(1, Combination{});
  for (size_t factor = 0; factor < kFactors; ++factor) {
    std::vector<Combination> longer;
    for (const Combination& combination : all) {
      for (int level = 0; level < levels[factor]; ++level) {
        longer.push_back(combination);
        longer.back()[factor] = level;
      }
    }
    all = std::move(longer);
  }
  std::shuffle(all.begin(), all.end(), std::mt19937(1));
  return all;
}

/// A small set in which every pair of levels of two factors occurs: of some random combinations,
/// again and again the one that has most pairs that are still missing.
inline std::vector<Combination> PairwiseCombinations(const Combination& levels) {
  using Pair = std::array<size_t, 4>;  // factor, level, factor, level
  const auto pairs_of = [&](const Combination& c) {
    std::vector<Pair> pairs;
    for (size_t a = 0; a < kFactors; ++a) {
      for (size_t b = a + 1; b < kFactors; ++b) {
        pairs.push_back({a, static_cast<size_t>(c[a]), b, static_cast<size_t>(c[b])});
      }
    }
    return pairs;
  };
  std::set<Pair> missing;
  for (size_t a = 0; a < kFactors; ++a) {
    for (size_t b = a + 1; b < kFactors; ++b) {
      for (int i = 0; i < levels[a]; ++i) {
        for (int j = 0; j < levels[b]; ++j) {
          missing.insert({a, static_cast<size_t>(i), b, static_cast<size_t>(j)});
        }
      }
    }
  }
  std::mt19937 random(2);
  std::vector<Combination> chosen;
  while (!missing.empty()) {
    Combination best{};
    size_t most = 0;
    for (int attempt = 0; attempt < 50; ++attempt) {
      Combination c{};
      for (size_t factor = 0; factor < kFactors; ++factor) {
        c[factor] = static_cast<int>(random() % static_cast<unsigned>(levels[factor]));
      }
      const Pair& wanted = *missing.begin();  // each contains this one, so there is progress
      c[wanted[0]] = static_cast<int>(wanted[1]);
      c[wanted[2]] = static_cast<int>(wanted[3]);
      size_t count = 0;
      for (const Pair& pair : pairs_of(c)) count += missing.count(pair);
      if (count > most) {
        most = count;
        best = c;
      }
    }
    for (const Pair& pair : pairs_of(best)) missing.erase(pair);
    chosen.push_back(best);
  }
  return chosen;
}

}  // namespace dure::engine::testing
