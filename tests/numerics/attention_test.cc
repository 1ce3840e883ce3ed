// Attention over one chunk: instruction sets, tiles and single rows give the same bits, and what
// may not be seen is not.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/numerics/random_data.h"
#include "tests/numerics/same_bits.h"

namespace dure::numerics {
namespace {

using testing::ExpectSameBits;
using testing::FastKernels;
using testing::RandomFloats;

const Kernels& Reference() { return *KernelsFor(Isa::kReference); }

/// The cache blocks of one chunk, as a kernel under test writes them.
std::vector<uint8_t> CacheOf(const Kernels& kernels, CacheType type, int dim,
                             const std::vector<float>& keys, const std::vector<float>& values) {
  const int64_t bytes = CacheBlockBytes(type, dim);
  std::vector<uint8_t> out(kAttentionChunk / kKvBlock * bytes);
  for (int j = 0; j < kAttentionChunk; ++j) {
    kernels.store_kv(type, &keys[j * dim], &values[j * dim], dim, j % kKvBlock,
                     &out[j / kKvBlock * bytes]);
  }
  return out;
}

/// One chunk of random keys and values, stale infinities where nobody may look, and queries with
/// ragged ranges.
struct AttentionCase {
  int head_dim;
  int count;
  float soft_cap = 0;
  std::vector<float> queries;
  std::vector<const float*> query_pointers;
  std::vector<int> begin;
  std::vector<int> end;
  std::vector<float> keys;    // [kAttentionChunk][head_dim], as cached
  std::vector<float> values;  // likewise
  CacheType cache = CacheType::kF16;
  std::vector<uint8_t> stored;
  std::vector<const uint8_t*> blocks;

  AttentionCase(int dim, int n, int visible, std::mt19937& rng, CacheType type = CacheType::kF16)
      : head_dim(dim),
        count(n),
        queries(RandomFloats(n * dim, rng)),
        keys(RandomFloats(kAttentionChunk * dim, rng)),
        values(RandomFloats(kAttentionChunk * dim, rng)),
        cache(type) {
    for (int j = visible; j < kAttentionChunk; ++j) {
      for (int d = 0; d < dim; ++d) {  // left by someone else
        values[j * dim + d] = std::numeric_limits<float>::quiet_NaN();
        keys[j * dim + d] = std::numeric_limits<float>::quiet_NaN();
      }
    }
    stored = CacheOf(Reference(), type, dim, keys, values);
    const int64_t bytes = CacheBlockBytes(type, dim);
    for (int b = 0; b < kAttentionChunk / kKvBlock; ++b) blocks.push_back(&stored[b * bytes]);
    for (int i = 0; i < n; ++i) {
      query_pointers.push_back(&queries[i * dim]);
      const int e = 1 + static_cast<int>(rng() % visible);
      begin.push_back(rng() % 3 == 0 ? static_cast<int>(rng() % e) : 0);
      end.push_back(i == 1 ? begin.back() : e);  // one row sees nothing
    }
  }

  /// Accumulators [rows][head_dim], then max and sum of each row.
  std::vector<float> Run(const Kernels& kernels, int first, int rows, int chunks) const {
    std::vector<float> scratch(rows * kAttentionChunk);
    const AttentionTile tile = {&query_pointers[first],
                                rows,
                                &begin[first],
                                &end[first],
                                head_dim,
                                0.125f,
                                soft_cap,
                                cache,
                                blocks.data(),
                                scratch.data()};
    std::vector<float> acc(rows * head_dim, 0.0f);
    std::vector<AttentionState> states;
    for (int i = 0; i < rows; ++i) {
      states.push_back({-std::numeric_limits<float>::infinity(), 0, &acc[i * head_dim]});
    }
    for (int i = 0; i < chunks; ++i) kernels.attend(&tile, states.data());
    std::vector<float> out = acc;
    for (const AttentionState& s : states) {
      out.push_back(s.max);
      out.push_back(s.sum);
    }
    return out;
  }
};

class CachedAttention : public ::testing::TestWithParam<CacheType> {};

TEST_P(CachedAttention, SameBitsEverywhereAndAloneOrInATile) {
  std::mt19937 rng(7);
  for (const int dim : {16, 64, 80, 128, 256}) {
    for (const int visible : {1, 40, 128}) {
      for (const float cap : {0.0f, 20.0f}) {
        AttentionCase c(dim, 21, visible, rng, GetParam());
        c.soft_cap = cap;
        const auto expected = c.Run(Reference(), 0, c.count, 2);
        for (const float f : expected) ASSERT_FALSE(std::isnan(f));
        for (const Kernels* kernels : FastKernels()) {
          ExpectSameBits(expected, c.Run(*kernels, 0, c.count, 2), kernels->name);
          for (int first = 0; first < c.count; ++first) {
            // Every width of tile, each beginning elsewhere.
            const int rows = std::min(1 + first % 9, c.count - first);
            auto part = c.Run(*kernels, first, rows, 2);
            part.resize(rows * dim);
            const std::vector<float> whole(expected.begin() + first * dim,
                                           expected.begin() + (first + rows) * dim);
            ExpectSameBits(whole, part, kernels->name);
          }
        }
      }
    }
  }
}

TEST_P(CachedAttention, IsCloseToTheFormula) {
  std::mt19937 rng(8);
  const int dim = 64;
  const AttentionCase c(dim, 3, 100, rng, GetParam());
  const auto out = c.Run(Reference(), 0, 3, 1);
  const double error = GetParam() == CacheType::kF16 ? 2e-3 : 4e-2;  // of what the cache rounds
  for (const int row : {0, 2}) {
    std::vector<double> acc(dim);
    double total = 0;
    for (int j = c.begin[row]; j < c.end[row]; ++j) {
      double dot = 0;
      for (int d = 0; d < dim; ++d) {
        dot += static_cast<double>(c.queries[row * dim + d]) * c.keys[j * dim + d];
      }
      const double p = std::exp(dot * 0.125);
      total += p;
      for (int d = 0; d < dim; ++d) acc[d] += p * c.values[j * dim + d];
    }
    const float sum = out[3 * dim + 2 * row + 1];
    for (int d = 0; d < dim; ++d) EXPECT_NEAR(out[row * dim + d] / sum, acc[d] / total, error);
  }
}

INSTANTIATE_TEST_SUITE_P(Types, CachedAttention, ::testing::Values(CacheType::kF16, CacheType::kQ8),
                         [](const auto& info) {
                           return info.param == CacheType::kF16 ? "f16" : "q8";
                         });

TEST(StoreKv, SameBitsEverywhereAndNothingBesideThem) {
  std::mt19937 rng(10);
  for (const CacheType type : {CacheType::kF16, CacheType::kQ8}) {
    for (const int dim : {16, 48, 128}) {
      std::vector<float> keys = RandomFloats(kAttentionChunk * dim, rng);
      std::vector<float> values = RandomFloats(kAttentionChunk * dim, rng);
      for (size_t i = 0; i < keys.size(); ++i) {
        keys[i] *= std::ldexp(1.0f, static_cast<int>(i / dim % 60) - 40);
      }
      keys[5] = std::numeric_limits<float>::infinity();
      std::fill_n(&values[3 * dim], dim, 0.0f);
      values[7 * dim + 1] = std::numeric_limits<float>::quiet_NaN();
      const auto expected = CacheOf(Reference(), type, dim, keys, values);
      for (const Kernels* kernels : FastKernels()) {
        EXPECT_EQ(expected, CacheOf(*kernels, type, dim, keys, values)) << kernels->name;
      }
    }
  }
}

TEST(Attention, ChunksMergedLaterEqualChunksMergedInPlace) {
  std::mt19937 rng(9);
  const int dim = 64;
  AttentionCase c(dim, 1, 128, rng);
  c.begin[0] = 0;
  c.end[0] = 77;
  for (const Kernels* kernels : FastKernels()) {
    const auto in_place = c.Run(*kernels, 0, 1, 2);
    auto chunk = c.Run(*kernels, 0, 1, 1);
    std::vector<float> acc(dim, 0.0f);
    AttentionState state = {-std::numeric_limits<float>::infinity(), 0, acc.data()};
    const AttentionState from = {chunk[dim], chunk[dim + 1], chunk.data()};
    kernels->merge(&state, &from, dim);
    kernels->merge(&state, &from, dim);
    acc.push_back(state.max);
    acc.push_back(state.sum);
    ExpectSameBits(in_place, acc, kernels->name);
  }
}

}  // namespace
}  // namespace dure::numerics
