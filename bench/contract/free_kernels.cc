// Freedoms taken, where they gain anything: several sums along a row instead of one, the offset of
// unsigned codes subtracted in float32, sums of minimums apart from those of products, and for
// blocks of 256 sub-scales as float32, each sub-block's sum being rounded on its own.
#include "bench/contract/free_kernels.h"

#include <immintrin.h>

#include <type_traits>
#include <utility>

namespace dure::bench {

using namespace numerics;  // NOLINT: the headers below are written for that namespace

// clang-format off: each of these uses what the one before defines.
#include "numerics/vector/lanes_512.h"
#include "numerics/vector/emit.h"
#include "numerics/vector/prefetch.h"
#include "numerics/vector/integer_lanes_512.h"
#include "numerics/vector/unpack.h"
// clang-format on

namespace {

inline __m512i Four(const int8_t* codes) {
  return _mm512_set1_epi32(*reinterpret_cast<const __attribute__((may_alias)) int32_t*>(codes));
}

template <int kFirst, int kCount>
inline __m512i Dot(const __m512i* u, const int8_t* codes) {
  __m512i even = _mm512_setzero_si512();
  __m512i odd = _mm512_setzero_si512();
  for (int i = kFirst; i < kFirst + kCount; i += 2) {
    even = _mm512_dpbusd_epi32(even, u[i], Four(codes + 4 * i));
    odd = _mm512_dpbusd_epi32(odd, u[i + 1], Four(codes + 4 * i + 4));
  }
  return _mm512_add_epi32(even, odd);
}

/// kChains sums a row: blocks go to them in turn.
template <BlockType kType, int kRows, int kChains>
void Tile32(const PackedView* w, const QuantizedRows* x, int64_t row, int64_t group,
            const ProductOut* out) {
  constexpr TypeLayout kLayout = LayoutOf(kType);
  constexpr int kBlockBytes = SliceBytes(kLayout.kind) + ScaleBytes(kLayout);
  const int64_t blocks = w->cols / 32;
  const uint8_t* codes = w->data + group * w->group_bytes;
  const uint8_t* scales = codes + w->scales_offset;
  const uint8_t* ahead = codes;
  __m512 acc[kChains][kRows];
  for (auto& chain : acc) {
    for (__m512& a : chain) a = _mm512_setzero_ps();
  }
  const auto block = [&](int64_t b, __m512* sums) {
    PrefetchWeights<kBlockBytes>(ahead + b * kBlockBytes);
    __m512i u[8];
    Unpack<kLayout.kind>(codes, kLayout.table, u);
    const __m512 d = LoadHalf(reinterpret_cast<const uint16_t*>(scales));
    __m512 m = _mm512_mul_ps(d, _mm512_set1_ps(-static_cast<float>(kLayout.offset)));
    if (kLayout.has_min) m = LoadHalf(reinterpret_cast<const uint16_t*>(scales + 32));
    for (int t = 0; t < kRows; ++t) {
      const int64_t at = (row + t) * blocks + b;
      const __m512 dot = _mm512_cvtepi32_ps(Dot<0, 8>(u, x->codes + (row + t) * x->cols + b * 32));
      const __m512 scale = _mm512_mul_ps(d, _mm512_set1_ps(x->scales[at]));
      sums[t] = _mm512_fmadd_ps(dot, scale, sums[t]);
      if constexpr (kLayout.has_min || kLayout.offset != 0) {
        sums[t] = _mm512_fmadd_ps(m, _mm512_set1_ps(x->scaled_sums[at]), sums[t]);
      }
    }
    codes += SliceBytes(kLayout.kind);
    scales += ScaleBytes(kLayout);
  };
  int64_t b = 0;
  for (; b + kChains <= blocks; b += kChains) {
    for (int chain = 0; chain < kChains; ++chain) block(b + chain, acc[chain]);
  }
  for (; b < blocks; ++b) block(b, acc[0]);
  for (int t = 0; t < kRows; ++t) {
    __m512 sum = acc[0][t];
    for (int chain = 1; chain < kChains; ++chain) sum = _mm512_add_ps(sum, acc[chain][t]);
    Emit(w, out, row + t, group, sum);
  }
}

inline __m512 FloatScale(const uint8_t* p) { return _mm512_cvtepi32_ps(WidenSigned(p)); }

template <BlockType kType, int kRows>
void Tile256(const PackedView* w, const QuantizedRows* x, int64_t row, int64_t group,
             const ProductOut* out) {
  constexpr TypeLayout kLayout = LayoutOf(kType);
  constexpr int kBase = kLayout.has_min ? 64 : 32;
  constexpr int kStepBytes = SliceBytes(kLayout.kind) + ScaleBytes(kLayout) / 8;
  const int64_t blocks = w->cols / 256;
  const uint8_t* codes = w->data + group * w->group_bytes;
  const uint8_t* scales = codes + w->scales_offset;
  const uint8_t* ahead = codes;
  __m512 acc[kRows];
  for (__m512& a : acc) a = _mm512_setzero_ps();
  for (int64_t b = 0; b < blocks; ++b) {
    __m512 total[kRows];
    __m512 low[kRows];  // the offset's share, or the minimums'
    for (__m512& t : total) t = _mm512_setzero_ps();
    for (__m512& t : low) t = _mm512_setzero_ps();
    const __m512 d = LoadHalf(reinterpret_cast<const uint16_t*>(scales));
    const uint8_t* subs = scales + kBase;
    const uint8_t* mins = subs + 16 * (256 / kLayout.sub);
    for (int slice = 0; slice < 8; ++slice) {
      PrefetchWeights<kStepBytes>(ahead + (8 * b + slice) * kStepBytes);
      __m512i u[8];
      Unpack<kLayout.kind>(codes, kLayout.table, u);
      for (int t = 0; t < kRows; ++t) {
        const int8_t* row_codes = x->codes + (row + t) * x->cols + b * 256 + slice * 32;
        const int32_t* sums = x->sums + (row + t) * (x->cols / 16) + b * 16 + 2 * slice;
        if constexpr (kLayout.sub == 32) {
          const __m512 dot = _mm512_cvtepi32_ps(Dot<0, 8>(u, row_codes));
          total[t] = _mm512_fmadd_ps(dot, FloatScale(subs + 16 * slice), total[t]);
          const __m512 minimum = _mm512_cvtepi32_ps(WidenUnsigned(mins + 16 * slice));
          low[t] = _mm512_fmadd_ps(minimum, _mm512_set1_ps(static_cast<float>(sums[0] + sums[1])),
                                   low[t]);
        } else {
          for (int half = 0; half < 2; ++half) {
            const __m512i start = _mm512_set1_epi32(-kLayout.offset * sums[half]);
            const __m512i dot = half == 0 ? Dot<0, 4>(u, row_codes) : Dot<4, 4>(u, row_codes);
            total[t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_add_epi32(dot, start)),
                                       FloatScale(subs + 32 * slice + 16 * half), total[t]);
          }
        }
      }
      codes += SliceBytes(kLayout.kind);
    }
    for (int t = 0; t < kRows; ++t) {
      const __m512 row_scale = _mm512_set1_ps(x->scales[(row + t) * blocks + b]);
      acc[t] = _mm512_fmadd_ps(total[t], _mm512_mul_ps(d, row_scale), acc[t]);
      if constexpr (kLayout.has_min) {
        const __m512 m = LoadHalf(reinterpret_cast<const uint16_t*>(scales + 32));
        acc[t] = _mm512_fmadd_ps(low[t], _mm512_mul_ps(m, row_scale), acc[t]);
      }
    }
    scales += ScaleBytes(kLayout);
  }
  for (int t = 0; t < kRows; ++t) Emit(w, out, row + t, group, acc[t]);
}

template <BlockType kType, int kRows>
inline void Tile(const PackedView* w, const QuantizedRows* x, int64_t row, int64_t group,
                 const ProductOut* out) {
  if constexpr (LayoutOf(kType).block == 32) {
    Tile32<kType, kRows, kRows <= 8 ? 2 : 1>(w, x, row, group, out);
  } else {
    Tile256<kType, kRows>(w, x, row, group, out);
  }
}

constexpr int64_t kPanelBytes = 384 << 10;

template <BlockType kType>
void MatMulOf(const PackedView* w, const QuantizedRows* x, int64_t row_begin, int64_t row_end,
              int64_t group_begin, int64_t group_end, const ProductOut* out) {
  constexpr int kMost = LayoutOf(kType).block == 32 ? 16 : 8;
  int64_t panel = kPanelBytes / w->cols / kMost * kMost;
  if (panel < kMost) panel = kMost;
  for (int64_t begin = row_begin; begin < row_end; begin += panel) {
    const int64_t end = begin + panel < row_end ? begin + panel : row_end;
    for (int64_t group = group_begin; group < group_end; ++group) {
      int64_t row = begin;
      for (; row + kMost <= end; row += kMost) Tile<kType, kMost>(w, x, row, group, out);
      for (; row + 8 <= end; row += 8) Tile<kType, 8>(w, x, row, group, out);
      for (; row < end; ++row) Tile<kType, 1>(w, x, row, group, out);
    }
  }
}

}  // namespace

void FreeMatMul(const PackedView* w, const QuantizedRows* x, int64_t row_begin, int64_t row_end,
                int64_t group_begin, int64_t group_end, const ProductOut* out) {
  switch (w->type) {
    case BlockType::kQ4_1:
      return MatMulOf<BlockType::kQ4_1>(w, x, row_begin, row_end, group_begin, group_end, out);
    case BlockType::kQ5_0:
      return MatMulOf<BlockType::kQ5_0>(w, x, row_begin, row_end, group_begin, group_end, out);
    case BlockType::kQ8_0:
      return MatMulOf<BlockType::kQ8_0>(w, x, row_begin, row_end, group_begin, group_end, out);
    case BlockType::kQ4_K:
      return MatMulOf<BlockType::kQ4_K>(w, x, row_begin, row_end, group_begin, group_end, out);
    case BlockType::kQ6_K:
      return MatMulOf<BlockType::kQ6_K>(w, x, row_begin, row_end, group_begin, group_end, out);
    default:
      return;
  }
}

}  // namespace dure::bench
