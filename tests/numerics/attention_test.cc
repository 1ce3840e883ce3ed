// Attention over one chunk: instruction sets, tiles and single rows give the same bits, and what
// may not be seen is not.
#include <gtest/gtest.h>

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

std::vector<uint16_t> RandomHalves(size_t size, std::mt19937& rng) {
  std::vector<uint16_t> out(size);
  const auto f = RandomFloats(static_cast<int64_t>(size), rng);
  for (size_t i = 0; i < size; ++i) out[i] = FloatToHalf(f[i]);
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
  std::vector<uint16_t> keys;
  std::vector<uint16_t> values;
  std::vector<const uint16_t*> key_blocks;
  std::vector<const uint16_t*> value_blocks;

  AttentionCase(int dim, int n, int visible, std::mt19937& rng)
      : head_dim(dim),
        count(n),
        queries(RandomFloats(n * dim, rng)),
        keys(RandomHalves(kAttentionChunk * dim, rng)),
        values(RandomHalves(kAttentionChunk * dim, rng)) {
    for (int j = visible; j < kAttentionChunk; ++j) {
      for (int d = 0; d < dim; ++d) values[j * dim + d] = 0x7c00;  // infinity left by someone else
    }
    for (int b = 0; b < kAttentionChunk / kKvBlock; ++b) {
      key_blocks.push_back(&keys[b * kKvBlock * dim]);
      value_blocks.push_back(&values[b * kKvBlock * dim]);
    }
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
                                key_blocks.data(),
                                value_blocks.data(),
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

TEST(Attention, SameBitsEverywhereAndAloneOrInATile) {
  std::mt19937 rng(7);
  for (const int dim : {16, 64, 80, 128, 256}) {
    for (const int visible : {1, 40, 128}) {
      for (const float cap : {0.0f, 20.0f}) {
        AttentionCase c(dim, 21, visible, rng);
        c.soft_cap = cap;
        const auto expected = c.Run(Reference(), 0, c.count, 2);
        for (const float f : expected) ASSERT_FALSE(std::isnan(f));
        for (const Kernels* kernels : FastKernels()) {
          ExpectSameBits(expected, c.Run(*kernels, 0, c.count, 2), kernels->name);
          for (int i = 0; i < c.count; ++i) {
            auto alone = c.Run(*kernels, i, 1, 2);
            alone.resize(dim);
            const std::vector<float> row(expected.begin() + i * dim,
                                         expected.begin() + (i + 1) * dim);
            ExpectSameBits(row, alone, kernels->name);
          }
        }
      }
    }
  }
}

TEST(Attention, IsCloseToTheFormula) {
  std::mt19937 rng(8);
  const int dim = 64;
  const AttentionCase c(dim, 3, 100, rng);
  const auto out = c.Run(Reference(), 0, 3, 1);
  for (const int row : {0, 2}) {
    std::vector<double> acc(dim);
    double total = 0;
    for (int j = c.begin[row]; j < c.end[row]; ++j) {
      double dot = 0;
      for (int d = 0; d < dim; ++d) {
        const int at = (j % kKvBlock / 16 * dim + d) * 16 + j % 16;
        dot += static_cast<double>(c.queries[row * dim + d]) *
               HalfToFloat(c.key_blocks[j / kKvBlock][at]);
      }
      const double p = std::exp(dot * 0.125);
      total += p;
      for (int d = 0; d < dim; ++d) acc[d] += p * HalfToFloat(c.values[j * dim + d]);
    }
    const float sum = out[3 * dim + 2 * row + 1];
    for (int d = 0; d < dim; ++d) EXPECT_NEAR(out[row * dim + d] / sum, acc[d] / total, 1e-5);
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
