// Tiles of rows and output groups over DotSteps and DotOffset; see products_256.h.
// NOLINTBEGIN(llvm-header-guard)

namespace {

template <int kOffset>
inline __m256i Start(int32_t sum) {
  return kOffset != 0 ? _mm256_set1_epi32(-kOffset * sum) : _mm256_setzero_si256();
}

inline __m256 HalfOf(const uint8_t* p) { return _mm256_cvtph_ps(Load128(p)); }

inline __m256 LoadE8M0(const uint8_t* p) {
  const __m256i e = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
  const __m256i tiny = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), e);
  const __m256i small = _mm256_cmpgt_epi32(_mm256_set1_epi32(2), e);
  return _mm256_castsi256_ps(_mm256_blendv_epi8(normal, tiny, small));
}

/// One half of the lanes for kRows rows.
template <BlockType kType, int kRows>
inline void Half32(const PackedView* w, const QuantizedRows* x, int64_t row, int64_t group,
                   int half, __m256* acc) {
  constexpr TypeLayout kLayout = LayoutOf(kType);
  constexpr int kOffset = DotOffset(kLayout);
  const int64_t blocks = w->cols / 32;
  const uint8_t* codes = w->data + group * w->group_bytes + 32 * half;
  const uint8_t* scales = w->data + group * w->group_bytes + w->scales_offset;
  for (int t = 0; t < kRows; ++t) acc[t] = _mm256_setzero_ps();
  // The first half's loads bring in the lines that the second one reads.
  constexpr int kBlockBytes = SliceBytes(kLayout.kind) + ScaleBytes(kLayout);
  const uint8_t* ahead = w->data + group * w->group_bytes;
  for (int64_t b = 0; b < blocks; ++b) {
    if (half == 0) PrefetchWeights<kBlockBytes>(ahead + b * kBlockBytes);
    __m256i u[8];
    Unpack<kLayout.kind>(codes, kLayout.table, u);
    const __m256 d = kLayout.e8m0 ? LoadE8M0(scales + 8 * half) : HalfOf(scales + 16 * half);
    for (int t = 0; t < kRows; ++t) {
      const int64_t at = (row + t) * blocks + b;
      const __m256i dot = DotSteps<kLayout.kind, 0, 8>(u, x->codes + (row + t) * x->cols + b * 32,
                                                       Start<kOffset>(x->sums[at]));
      const __m256 scale = _mm256_mul_ps(d, _mm256_set1_ps(x->scales[at]));
      acc[t] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot), scale, acc[t]);
      if constexpr (kLayout.has_min) {
        acc[t] = _mm256_fmadd_ps(HalfOf(scales + 32 + 16 * half),
                                 _mm256_set1_ps(x->scaled_sums[at]), acc[t]);
      }
    }
    codes += SliceBytes(kLayout.kind);
    scales += ScaleBytes(kLayout);
  }
}

inline __m256i WidenSigned(const uint8_t* p) {
  return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
inline __m256i WidenUnsigned(const uint8_t* p) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}

template <BlockType kType>
inline __m256i SliceDot(const __m256i* u, const int8_t* codes, const int32_t* sums,
                        const uint8_t* sub_scales, int slice, __m256i total) {
  constexpr TypeLayout kLayout = LayoutOf(kType);
  constexpr int kOffset = DotOffset(kLayout);
  constexpr CodeKind kKind = kLayout.kind;
  if constexpr (kLayout.sub == 32) {
    const __m256i dot =
        DotSteps<kKind, 0, 8>(u, codes, Start<kOffset>(sums[2 * slice] + sums[2 * slice + 1]));
    return _mm256_add_epi32(total, _mm256_mullo_epi32(dot, WidenSigned(sub_scales + 16 * slice)));
  } else {
    const __m256i first = DotSteps<kKind, 0, 4>(u, codes, Start<kOffset>(sums[2 * slice]));
    const __m256i second = DotSteps<kKind, 4, 4>(u, codes, Start<kOffset>(sums[2 * slice + 1]));
    total =
        _mm256_add_epi32(total, _mm256_mullo_epi32(first, WidenSigned(sub_scales + 32 * slice)));
    return _mm256_add_epi32(total,
                            _mm256_mullo_epi32(second, WidenSigned(sub_scales + 32 * slice + 16)));
  }
}

template <BlockType kType>
inline __m256i MinimumSum(const int32_t* sums, const uint8_t* sub_mins) {
  constexpr TypeLayout kLayout = LayoutOf(kType);
  __m256i total = _mm256_setzero_si256();
  for (int j = 0; j < 256 / kLayout.sub; ++j) {
    const int32_t sum = kLayout.sub == 32 ? sums[2 * j] + sums[2 * j + 1] : sums[j];
    total = _mm256_add_epi32(
        total, _mm256_mullo_epi32(WidenUnsigned(sub_mins + 16 * j), _mm256_set1_epi32(sum)));
  }
  return total;
}

template <BlockType kType, int kRows>
inline void Half256(const PackedView* w, const QuantizedRows* x, int64_t row, int64_t group,
                    int half, __m256* acc) {
  constexpr TypeLayout kLayout = LayoutOf(kType);
  constexpr int kBase = kLayout.has_min ? 64 : 32;
  const int64_t blocks = w->cols / 256;
  const uint8_t* codes = w->data + group * w->group_bytes + 32 * half;
  const uint8_t* scales = w->data + group * w->group_bytes + w->scales_offset;
  for (int t = 0; t < kRows; ++t) acc[t] = _mm256_setzero_ps();
  constexpr int kStepBytes = SliceBytes(kLayout.kind) + ScaleBytes(kLayout) / 8;
  const uint8_t* ahead = w->data + group * w->group_bytes;
  for (int64_t b = 0; b < blocks; ++b) {
    __m256i total[kRows];
    for (int t = 0; t < kRows; ++t) total[t] = _mm256_setzero_si256();
    for (int slice = 0; slice < 8; ++slice) {
      if (half == 0) PrefetchWeights<kStepBytes>(ahead + (8 * b + slice) * kStepBytes);
      __m256i u[8];
      Unpack<kLayout.kind>(codes, kLayout.table, u);
      for (int t = 0; t < kRows; ++t) {
        total[t] = SliceDot<kType>(u, x->codes + (row + t) * x->cols + b * 256 + slice * 32,
                                   x->sums + (row + t) * (x->cols / 16) + b * 16,
                                   scales + kBase + 8 * half, slice, total[t]);
      }
      codes += SliceBytes(kLayout.kind);
    }
    const __m256 d = HalfOf(scales + 16 * half);
    for (int t = 0; t < kRows; ++t) {
      const __m256 row_scale = _mm256_set1_ps(x->scales[(row + t) * blocks + b]);
      acc[t] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(total[t]), _mm256_mul_ps(d, row_scale), acc[t]);
      if constexpr (kLayout.has_min) {
        const __m256i minimum =
            MinimumSum<kType>(x->sums + (row + t) * (x->cols / 16) + b * 16,
                              scales + kBase + 16 * (256 / kLayout.sub) + 8 * half);
        acc[t] = _mm256_fmadd_ps(HalfOf(scales + 32 + 16 * half),
                                 _mm256_mul_ps(row_scale, _mm256_cvtepi32_ps(minimum)), acc[t]);
      }
    }
    scales += ScaleBytes(kLayout);
  }
}

template <BlockType kType, int kRows>
void Tile(const PackedView* w, const QuantizedRows* x, int64_t row, int64_t group,
          const ProductOut* out) {
  __m256 acc[2][kRows];
  for (int half = 0; half < 2; ++half) {
    if constexpr (LayoutOf(kType).block == 32) {
      Half32<kType, kRows>(w, x, row, group, half, acc[half]);
    } else {
      Half256<kType, kRows>(w, x, row, group, half, acc[half]);
    }
  }
  for (int t = 0; t < kRows; ++t) Emit(w, out, row + t, group, V16{acc[0][t], acc[1][t]});
}

/// Rows are walked in panels whose codes stay in the second-level cache while every group passes
/// over them.
constexpr int64_t kPanelBytes = 192 << 10;

template <BlockType kType>
void MatMulOf(const PackedView* w, const QuantizedRows* x, int64_t row_begin, int64_t row_end,
              int64_t group_begin, int64_t group_end, const ProductOut* out) {
  constexpr int kMost = 4;
  int64_t panel = kPanelBytes / w->cols / kMost * kMost;
  if (panel < kMost) panel = kMost;
  for (int64_t begin = row_begin; begin < row_end; begin += panel) {
    const int64_t end = begin + panel < row_end ? begin + panel : row_end;
    for (int64_t group = group_begin; group < group_end; ++group) {
      int64_t row = begin;
      for (; row + kMost <= end; row += kMost) Tile<kType, kMost>(w, x, row, group, out);
      for (; row + 2 <= end; row += 2) Tile<kType, 2>(w, x, row, group, out);
      if (row < end) Tile<kType, 1>(w, x, row, group, out);
    }
  }
}

#include "numerics/vector/matmul_switch.h"

}  // namespace
// NOLINTEND(llvm-header-guard)
