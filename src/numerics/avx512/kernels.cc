// AVX-512 with VNNI: one vector a step of 16 lanes.
#include "numerics/kernels.h"

#include <immintrin.h>

namespace dure::numerics {

// clang-format off: each of these uses what the one before defines.
#include "numerics/vector/lanes_512.h"
#include "numerics/vector/emit.h"
#include "numerics/vector/float_kernels.h"
#include "numerics/vector/attention.h"
#include "numerics/vector/prefetch.h"
#include "numerics/vector/unpack_512.h"
// clang-format on

namespace {

inline __m512i Four(const int8_t* codes) {
  return _mm512_set1_epi32(*reinterpret_cast<const __attribute__((may_alias)) int32_t*>(codes));
}

/// Dot products of steps [kFirst, kFirst + kCount) with one row's codes, added to `start`.
template <int kFirst, int kCount>
inline __m512i DotSteps(const __m512i* u, const int8_t* codes, __m512i start) {
  __m512i even = start;
  __m512i odd = _mm512_setzero_si512();
  for (int i = kFirst; i < kFirst + kCount; i += 2) {
    even = _mm512_dpbusd_epi32(even, u[i], Four(codes + 4 * i));
    odd = _mm512_dpbusd_epi32(odd, u[i + 1], Four(codes + 4 * i + 4));
  }
  return _mm512_add_epi32(even, odd);
}

template <BlockType kType, int kRows>
void Tile32(const PackedView* w, const QuantizedRows* x, int64_t row, int64_t group,
            const ProductOut* out) {
  constexpr TypeLayout kLayout = LayoutOf(kType);
  const int64_t blocks = w->cols / 32;
  const uint8_t* codes = w->data + group * w->group_bytes;
  const uint8_t* scales = codes + w->scales_offset;
  __m512 acc[kRows];
  for (int t = 0; t < kRows; ++t) acc[t] = _mm512_setzero_ps();
  constexpr int kBlockBytes = SliceBytes(kLayout.kind) + ScaleBytes(kLayout);
  const uint8_t* ahead = codes;
  const auto add_block = [&](int64_t b) {
    PrefetchWeights<kBlockBytes>(ahead + b * kBlockBytes);
    __m512i u[8];
    Unpack<kLayout.kind>(codes, kLayout.table, u);
    const __m512 d =
        kLayout.e8m0 ? LoadE8M0(scales) : LoadHalf(reinterpret_cast<const uint16_t*>(scales));
    for (int t = 0; t < kRows; ++t) {
      const int64_t at = (row + t) * blocks + b;
      const __m512i start = kLayout.offset != 0 ? _mm512_set1_epi32(-kLayout.offset * x->sums[at])
                                                : _mm512_setzero_si512();
      const __m512i dot = DotSteps<0, 8>(u, x->codes + (row + t) * x->cols + b * 32, start);
      const __m512 scale = _mm512_mul_ps(d, _mm512_set1_ps(x->scales[at]));
      acc[t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), scale, acc[t]);
      if constexpr (kLayout.has_min) {
        const __m512 m = LoadHalf(reinterpret_cast<const uint16_t*>(scales + 32));
        acc[t] = _mm512_fmadd_ps(m, _mm512_set1_ps(x->scaled_sums[at]), acc[t]);
      }
    }
    codes += SliceBytes(kLayout.kind);
    scales += ScaleBytes(kLayout);
  };
  int64_t b = 0;
  // Two at a time are 7 % faster where each is short; the order of additions stays.
  constexpr bool kTwo = kRows == 1 && kLayout.has_min;
  for (; kTwo && b + 2 <= blocks; b += 2) {
    add_block(b);
    add_block(b + 1);
  }
  for (; b < blocks; ++b) add_block(b);
  for (int t = 0; t < kRows; ++t) Emit(w, out, row + t, group, acc[t]);
}

/// Adds sub-scale times dot of one slice to a row's integer sum.
template <BlockType kType>
inline __m512i SliceDot(const __m512i* u, const int8_t* codes, const int32_t* sums,
                        const uint8_t* sub_scales, int slice, __m512i total) {
  constexpr TypeLayout kLayout = LayoutOf(kType);
  const auto start = [&](int32_t sum) {
    return kLayout.offset != 0 ? _mm512_set1_epi32(-kLayout.offset * sum) : _mm512_setzero_si512();
  };
  if constexpr (kLayout.sub == 32) {
    const __m512i dot = DotSteps<0, 8>(u, codes, start(sums[2 * slice] + sums[2 * slice + 1]));
    return _mm512_add_epi32(total, _mm512_mullo_epi32(dot, WidenSigned(sub_scales + 16 * slice)));
  } else {
    const __m512i first = DotSteps<0, 4>(u, codes, start(sums[2 * slice]));
    const __m512i second = DotSteps<4, 4>(u, codes, start(sums[2 * slice + 1]));
    total =
        _mm512_add_epi32(total, _mm512_mullo_epi32(first, WidenSigned(sub_scales + 32 * slice)));
    return _mm512_add_epi32(total,
                            _mm512_mullo_epi32(second, WidenSigned(sub_scales + 32 * slice + 16)));
  }
}

/// Sum over sub-blocks of sub-minimum times the sum of the codes.
template <BlockType kType>
inline __m512i MinimumSum(const int32_t* sums, const uint8_t* sub_mins) {
  constexpr TypeLayout kLayout = LayoutOf(kType);
  constexpr int kSubs = 256 / kLayout.sub;
  __m512i total = _mm512_setzero_si512();
  for (int j = 0; j < kSubs; ++j) {
    const int32_t sum = kLayout.sub == 32 ? sums[2 * j] + sums[2 * j + 1] : sums[j];
    total = _mm512_add_epi32(
        total, _mm512_mullo_epi32(WidenUnsigned(sub_mins + 16 * j), _mm512_set1_epi32(sum)));
  }
  return total;
}

template <BlockType kType, int kRows>
void Tile256(const PackedView* w, const QuantizedRows* x, int64_t row, int64_t group,
             const ProductOut* out) {
  constexpr TypeLayout kLayout = LayoutOf(kType);
  constexpr int kBase = kLayout.has_min ? 64 : 32;
  const int64_t blocks = w->cols / 256;
  const uint8_t* codes = w->data + group * w->group_bytes;
  const uint8_t* scales = codes + w->scales_offset;
  __m512 acc[kRows];
  for (int t = 0; t < kRows; ++t) acc[t] = _mm512_setzero_ps();
  constexpr int kStepBytes = SliceBytes(kLayout.kind) + ScaleBytes(kLayout) / 8;
  const uint8_t* ahead = codes;
  for (int64_t b = 0; b < blocks; ++b) {
    __m512i total[kRows];
    for (int t = 0; t < kRows; ++t) total[t] = _mm512_setzero_si512();
    for (int slice = 0; slice < 8; ++slice) {
      PrefetchWeights<kStepBytes>(ahead + (8 * b + slice) * kStepBytes);
      __m512i u[8];
      Unpack<kLayout.kind>(codes, kLayout.table, u);
      for (int t = 0; t < kRows; ++t) {
        total[t] = SliceDot<kType>(u, x->codes + (row + t) * x->cols + b * 256 + slice * 32,
                                   x->sums + (row + t) * (x->cols / 16) + b * 16, scales + kBase,
                                   slice, total[t]);
      }
      codes += SliceBytes(kLayout.kind);
    }
    const __m512 d = LoadHalf(reinterpret_cast<const uint16_t*>(scales));
    for (int t = 0; t < kRows; ++t) {
      const float row_scale = x->scales[(row + t) * blocks + b];
      acc[t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(total[t]),
                               _mm512_mul_ps(d, _mm512_set1_ps(row_scale)), acc[t]);
      if constexpr (kLayout.has_min) {
        const __m512i minimum = MinimumSum<kType>(x->sums + (row + t) * (x->cols / 16) + b * 16,
                                                  scales + kBase + 16 * (256 / kLayout.sub));
        const __m512 m = LoadHalf(reinterpret_cast<const uint16_t*>(scales + 32));
        acc[t] = _mm512_fmadd_ps(
            m, _mm512_mul_ps(_mm512_set1_ps(row_scale), _mm512_cvtepi32_ps(minimum)), acc[t]);
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
    Tile32<kType, kRows>(w, x, row, group, out);
  } else {
    Tile256<kType, kRows>(w, x, row, group, out);
  }
}

/// Rows are walked in panels whose codes stay in the second-level cache while every group passes
/// over them.
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
      for (; row + 4 <= end; row += 4) Tile<kType, 4>(w, x, row, group, out);
      for (; row + 2 <= end; row += 2) Tile<kType, 2>(w, x, row, group, out);
      if (row < end) Tile<kType, 1>(w, x, row, group, out);
    }
  }
}

#include "numerics/vector/matmul_switch.h"

}  // namespace

extern const Kernels kAvx512Kernels;
const Kernels kAvx512Kernels = {"avx512",   Quantize, MatMul,        MatMulFloat, RmsNorm,
                                Rope,       SiluMul,  GeluMul,       AddTo,       ScaleBy,
                                SoftCapAll, StoreKv,  Attend,        Merge,       MaxAndExpSum,
                                LayerNorm,  GeluErf,  SwigluClamped, AddScaled};

}  // namespace dure::numerics
