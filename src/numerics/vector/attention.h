// Attention over vectors of 16 lanes, compiled once per instruction set after float_kernels.h. The
// including file defines
//   kQkRows           query rows whose scores stay in registers, two vectors each
//   kQkFewRows        up to so many rows, four vectors each stay in registers
//   kPvRows, kPvVecs  rows and vectors of the value product that stay in registers
// Order of operations: docs/numerics.md; reference/kernels.cc is the specification.
// No include guard: one inclusion per translation unit. NOLINTBEGIN(llvm-header-guard)

namespace {

/// Calls f.operator()<rows>() for rows in [1, kMost].
template <int kMost, typename F>
inline void WithRows(int rows, const F& f) {
  if constexpr (kMost == 1) {
    f.template operator()<1>();
  } else {
    if (rows >= kMost) return f.template operator()<kMost>();
    WithRows<kMost - 1>(rows, f);
  }
}

template <CacheType kCache>
inline V16 LoadCached(const uint8_t* base, int64_t element) {
  if constexpr (kCache == CacheType::kF16) {
    return LoadHalf(reinterpret_cast<const uint16_t*>(base) + element);
  } else {
    return LoadCodes(reinterpret_cast<const int8_t*>(base) + element);
  }
}

void StoreHalves(const float* x, int64_t count, uint16_t* out, int64_t out_stride) {
  const V16 high = Set(kLargestHalf);
  const V16 low = Set(-kLargestHalf);
  ForVectors(count, [&](int64_t i, int n) {
    const V16 v = LoadN(x + i, n);
    const V16 clamped = SelectLess(high, v, high, SelectLess(v, low, low, v));
    alignas(64) uint16_t half[16];
    ToHalf(half, clamped);
    for (int j = 0; j < n; ++j) out[(i + j) * out_stride] = half[j];
  });
}

void StoreQ8(const float* x, int head_dim, int8_t* out, int64_t out_stride, float* scale) {
  alignas(64) int8_t codes[kMaxHeadDim];
  QuantizeBlock(x, head_dim, codes, scale);
  for (int d = 0; d < head_dim; ++d) out[d * out_stride] = codes[d];
}

void StoreKv(CacheType type, const float* key, const float* value, int head_dim, int at,
             uint8_t* block) {
  uint8_t* values = block + ValuesOffset(type, head_dim);
  const int64_t key_index = KeyIndex(at, head_dim);
  const int64_t value_index = static_cast<int64_t>(at) * head_dim;
  if (type == CacheType::kF16) {
    StoreHalves(key, head_dim, reinterpret_cast<uint16_t*>(block) + key_index, 16);
    StoreHalves(value, head_dim, reinterpret_cast<uint16_t*>(values) + value_index, 1);
    return;
  }
  auto* key_scales = reinterpret_cast<float*>(block + KeyScalesOffset(type, head_dim));
  auto* value_scales = reinterpret_cast<float*>(block + ValueScalesOffset(type, head_dim));
  StoreQ8(key, head_dim, reinterpret_cast<int8_t*>(block) + key_index, 16, key_scales + at);
  StoreQ8(value, head_dim, reinterpret_cast<int8_t*>(values) + value_index, 1, value_scales + at);
}

void Merge(AttentionState* into, const AttentionState* from, int head_dim) {
  if (from->max == -kInfinity) return;
  const float max = from->max > into->max ? from->max : into->max;
  const float a = ExpOne(into->max - max);
  const float b = ExpOne(from->max - max);
  into->sum = __builtin_fmaf(from->sum, b, into->sum * a);
  const V16 va = Set(a);
  const V16 vb = Set(b);
  for (int d = 0; d < head_dim; d += 16) {
    Store(into->acc + d, Fma(Load(from->acc + d), vb, Mul(Load(into->acc + d), va)));
  }
  into->max = max;
}

/// Scores of kRows queries over kBlocks cache blocks (two vectors of positions each), beginning at
/// block `block`.
template <CacheType kCache, int kRows, int kBlocks>
void ScoreBlocks(const AttentionTile* t, int row, int block, float* scores) {
  V16 acc[kRows][2 * kBlocks];
  for (int i = 0; i < kRows; ++i) {
    for (int v = 0; v < 2 * kBlocks; ++v) acc[i][v] = Zero();
  }
  const int64_t second = static_cast<int64_t>(t->head_dim) * 16;
  for (int d = 0; d < t->head_dim; ++d) {
    V16 key[2 * kBlocks];
    for (int v = 0; v < 2 * kBlocks; ++v) {
      key[v] = LoadCached<kCache>(t->blocks[block + v / 2], (v % 2) * second + d * 16);
    }
    for (int i = 0; i < kRows; ++i) {
      const V16 q = Set(t->queries[row + i][d]);
      for (int v = 0; v < 2 * kBlocks; ++v) acc[i][v] = Fma(q, key[v], acc[i][v]);
    }
  }
  for (int i = 0; i < kRows; ++i) {
    for (int v = 0; v < 2 * kBlocks; ++v) {
      V16 s = acc[i][v];
      if constexpr (kCache == CacheType::kQ8) {
        const auto* scales = reinterpret_cast<const float*>(
            t->blocks[block + v / 2] + KeyScalesOffset(CacheType::kQ8, t->head_dim));
        s = Mul(s, Load(scales + (v % 2) * 16));
      }
      s = Mul(s, Set(t->scale));
      if (t->soft_cap > 0) s = SoftCapV(s, t->soft_cap);
      Store(scores + i * kAttentionChunk + block * kKvBlock + v * 16, s);
    }
  }
}

/// Scores of all rows over blocks [begin, end).
template <CacheType kCache>
void Score(const AttentionTile* t, int begin, int end) {
  int block = begin;
  if (t->count <= kQkFewRows) {  // two blocks at once: enough sums in flight to fill the pipeline
    for (; block + 2 <= end; block += 2) {
      WithRows<kQkFewRows>(
          t->count, [&]<int kRows>() { ScoreBlocks<kCache, kRows, 2>(t, 0, block, t->scratch); });
    }
  }
  for (; block < end; ++block) {
    for (int row = 0; row < t->count; row += kQkRows) {
      WithRows<kQkRows>(t->count - row, [&]<int kRows>() {
        ScoreBlocks<kCache, kRows, 1>(t, row, block, t->scratch + row * kAttentionChunk);
      });
    }
  }
}

/// Turns a row's scores into weights exp(score - max), zero outside [begin, end); returns max and
/// sum.
void Weigh(float* scores, int begin, int end, float* max, float* sum) {
  const int first = begin / 16 * 16;
  V16 largest = Set(-kInfinity);
  for (int j = first; j < end; j += 16) {
    const V16 s = KeepLanes(Load(scores + j), begin - j, end - j, -kInfinity);
    largest = MaxIgnoringNaN(s, largest);
  }
  *max = FoldMax(largest);
  const V16 m = Set(*max);
  V16 total = Zero();
  for (int j = first; j < end; j += 16) {
    const V16 p = KeepLanes(ExpV(Sub(Load(scores + j), m)), begin - j, end - j, 0.0f);
    Store(scores + j, p);
    total = Add(total, p);
  }
  *sum = FoldSum(total);
}

/// A row's weights times the values' scales, where they have any.
template <CacheType kCache>
void ScaleWeights(const AttentionTile* t, float* weights, int begin, int end) {
  if constexpr (kCache == CacheType::kQ8) {
    for (int j = begin / 16 * 16; j < end; j += 16) {
      const auto* scales = reinterpret_cast<const float*>(
          t->blocks[j / kKvBlock] + ValueScalesOffset(CacheType::kQ8, t->head_dim));
      Store(weights + j, Mul(Load(weights + j), Load(scales + j % kKvBlock)));
    }
  }
}

/// acc[i][vecs] += weights[i][j] * values[j][vecs] for j in [begin, end), ascending.
template <CacheType kCache, int kRows, int kVecs>
void ValueTile(const AttentionTile* t, const float* weights, int begin, int end, int d0,
               float* acc_rows) {
  V16 acc[kRows][kVecs];
  for (int i = 0; i < kRows; ++i) {
    for (int v = 0; v < kVecs; ++v) acc[i][v] = Load(acc_rows + i * t->head_dim + d0 + v * 16);
  }
  const int64_t offset = ValuesOffset(kCache, t->head_dim);
  for (int j = begin; j < end; ++j) {
    const int64_t at = static_cast<int64_t>(j % kKvBlock) * t->head_dim + d0;
    V16 value[kVecs];
    for (int v = 0; v < kVecs; ++v) {
      value[v] = LoadCached<kCache>(t->blocks[j / kKvBlock] + offset, at + v * 16);
    }
    for (int i = 0; i < kRows; ++i) {
      const V16 p = Set(weights[i * kAttentionChunk + j]);
      for (int v = 0; v < kVecs; ++v) acc[i][v] = Fma(p, value[v], acc[i][v]);
    }
  }
  for (int i = 0; i < kRows; ++i) {
    for (int v = 0; v < kVecs; ++v) Store(acc_rows + i * t->head_dim + d0 + v * 16, acc[i][v]);
  }
}

template <CacheType kCache, int kRows>
void ValueRange(const AttentionTile* t, const float* weights, int begin, int end, float* acc) {
  if (begin >= end) return;
  int d = 0;
  for (; d + 16 * kPvVecs <= t->head_dim; d += 16 * kPvVecs) {
    ValueTile<kCache, kRows, kPvVecs>(t, weights, begin, end, d, acc);
  }
  for (; d < t->head_dim; d += 16) ValueTile<kCache, kRows, 1>(t, weights, begin, end, d, acc);
}

/// The value product of kRows rows: what all of them see in one tile, the ragged rest row by row,
/// in ascending order.
template <CacheType kCache, int kRows>
void Values(const AttentionTile* t, int row, const float* weights, float* acc) {
  int begin = 0;
  int end = kAttentionChunk;
  for (int i = 0; i < kRows; ++i) {
    if (t->begin[row + i] > begin) begin = t->begin[row + i];
    if (t->end[row + i] < end) end = t->end[row + i];
  }
  if (begin >= end) begin = end = kAttentionChunk;  // nothing in common: all of it row by row
  for (int i = 0; i < kRows; ++i) {
    const int stop = t->end[row + i] < begin ? t->end[row + i] : begin;
    ValueRange<kCache, 1>(t, weights + i * kAttentionChunk, t->begin[row + i], stop,
                          acc + i * t->head_dim);
  }
  ValueRange<kCache, kRows>(t, weights, begin, end, acc);
  for (int i = 0; i < kRows; ++i) {
    ValueRange<kCache, 1>(t, weights + i * kAttentionChunk, end, t->end[row + i],
                          acc + i * t->head_dim);
  }
}

template <CacheType kCache, int kRows>
void WeighAndMerge(const AttentionTile* t, int row, AttentionState* states) {
  AttentionState chunk[kRows];
  for (int i = 0; i < kRows; ++i) {
    const int begin = t->begin[row + i];
    const int end = t->end[row + i];
    if (begin >= end) continue;
    float* weights = t->scratch + (row + i) * kAttentionChunk;
    Weigh(weights, begin, end, &chunk[i].max, &chunk[i].sum);
    ScaleWeights<kCache>(t, weights, begin, end);
  }
  alignas(64) float acc[kRows * kMaxHeadDim];
  for (int i = 0; i < kRows * t->head_dim; i += 16) Store(acc + i, Zero());
  Values<kCache, kRows>(t, row, t->scratch + row * kAttentionChunk, acc);
  for (int i = 0; i < kRows; ++i) {
    if (t->begin[row + i] >= t->end[row + i]) continue;
    const AttentionState from = {chunk[i].max, chunk[i].sum, acc + i * t->head_dim};
    Merge(&states[row + i], &from, t->head_dim);
  }
}

template <CacheType kCache>
void AttendOf(const AttentionTile* t, AttentionState* states) {
  int low = kAttentionChunk;
  int high = 0;
  for (int i = 0; i < t->count; ++i) {
    if (t->begin[i] >= t->end[i]) continue;
    if (t->begin[i] < low) low = t->begin[i];
    if (t->end[i] > high) high = t->end[i];
  }
  if (low >= high) return;
  Score<kCache>(t, low / kKvBlock, (high + kKvBlock - 1) / kKvBlock);
  for (int row = 0; row < t->count; row += kPvRows) {
    WithRows<kPvRows>(t->count - row,
                      [&]<int kRows>() { WeighAndMerge<kCache, kRows>(t, row, states); });
  }
}

void Attend(const AttentionTile* t, AttentionState* states) {
  if (t->cache == CacheType::kF16) {
    AttendOf<CacheType::kF16>(t, states);
  } else {
    AttendOf<CacheType::kQ8>(t, states);
  }
}

}  // namespace
// NOLINTEND(llvm-header-guard)
