// AVX-512 with VNNI: one vector a step of 16 lanes.
#include "numerics/kernels.h"

#include <immintrin.h>

namespace dure::numerics {
namespace {

using V16 = __m512;
using I16 = __m512i;

constexpr int kQkRows = 8;
constexpr int kPvRows = 4;
constexpr int kPvVecs = 4;

inline __mmask16 LaneMask(int n) { return static_cast<__mmask16>((1u << n) - 1); }

inline V16 Zero() { return _mm512_setzero_ps(); }
inline V16 Set(float x) { return _mm512_set1_ps(x); }
inline V16 Load(const float* p) { return _mm512_loadu_ps(p); }
inline void Store(float* p, V16 v) { _mm512_storeu_ps(p, v); }
inline V16 LoadN(const float* p, int n) { return _mm512_maskz_loadu_ps(LaneMask(n), p); }
inline void StoreN(float* p, V16 v, int n) { _mm512_mask_storeu_ps(p, LaneMask(n), v); }
inline V16 Add(V16 a, V16 b) { return _mm512_add_ps(a, b); }
inline V16 Sub(V16 a, V16 b) { return _mm512_sub_ps(a, b); }
inline V16 Mul(V16 a, V16 b) { return _mm512_mul_ps(a, b); }
inline V16 Div(V16 a, V16 b) { return _mm512_div_ps(a, b); }
inline V16 Fma(V16 a, V16 b, V16 c) { return _mm512_fmadd_ps(a, b, c); }
inline V16 Negate(V16 a) {
  return _mm512_castsi512_ps(
      _mm512_xor_si512(_mm512_castps_si512(a), _mm512_set1_epi32(INT32_MIN)));
}
inline V16 MaxIgnoringNaN(V16 a, V16 running) { return _mm512_max_ps(a, running); }
inline float First(V16 v) { return _mm512_cvtss_f32(v); }

/// a < b ? yes : no, per lane.
inline V16 SelectLess(V16 a, V16 b, V16 yes, V16 no) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
}

/// Lanes [begin, end) of v, `fill` elsewhere; bounds may lie outside 0..16.
inline V16 KeepLanes(V16 v, int begin, int end, float fill) {
  const int b = begin < 0 ? 0 : begin;
  const int e = end > 16 ? 16 : end;
  if (b == 0 && e == 16) return v;
  const __mmask16 keep = static_cast<__mmask16>(LaneMask(e) & ~LaneMask(b));
  return _mm512_mask_blend_ps(keep, Set(fill), v);
}

inline float FoldSum(V16 v) {
  const __m256 a = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
  const __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
}
inline float FoldMax(V16 v) { return _mm512_reduce_max_ps(v); }

inline V16 TimesPowerOfTwo(V16 y, V16 n) {
  const __m512i shift = _mm512_slli_epi32(_mm512_cvttps_epi32(n), 23);
  return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(y), shift));
}

inline V16 LoadHalf(const uint16_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
inline V16 LoadBf16(const uint16_t* p) {
  const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}
inline void ToHalf(uint16_t* p, V16 v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                      _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

inline I16 AbsBits(V16 v) {
  return _mm512_and_si512(_mm512_castps_si512(v), _mm512_set1_epi32(0x7fffffff));
}
inline I16 MaxI(I16 a, I16 b) { return _mm512_max_epi32(a, b); }
inline int32_t FoldMaxI(I16 v) { return _mm512_reduce_max_epi32(v); }
inline I16 RoundToInt(V16 v) { return _mm512_cvtps_epi32(v); }
inline void StoreCodes(int8_t* p, I16 v) {
  v = _mm512_max_epi32(_mm512_min_epi32(v, _mm512_set1_epi32(127)), _mm512_set1_epi32(-127));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(v));
}
inline int32_t SumCodes16(const int8_t* p) {
  return _mm512_reduce_add_epi32(
      _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}

}  // namespace
}  // namespace dure::numerics

namespace dure::numerics {
#include "numerics/vector/float_kernels.h"
#include "numerics/vector/prefetch.h"

namespace {

inline __m512i LoadI(const uint8_t* p) { return _mm512_loadu_si512(p); }

/// The eight steps of one slice as unsigned codes.
template <CodeKind kKind>
inline void Unpack(const uint8_t* p, const uint8_t* table, __m512i* u) {
  const __m512i low4 = _mm512_set1_epi8(15);
  if constexpr (kKind == CodeKind::kBytes) {
    for (int i = 0; i < 8; ++i) u[i] = LoadI(p + 64 * i);
    return;
  }
  if constexpr (kKind == CodeKind::kNibbles || kKind == CodeKind::kTable ||
                kKind == CodeKind::kNibblesBits || kKind == CodeKind::kNibblesPairs) {
    for (int i = 0; i < 4; ++i) {
      const __m512i x = LoadI(p + 64 * i);
      u[i] = _mm512_and_si512(x, low4);
      u[i + 4] = _mm512_and_si512(_mm512_srli_epi16(x, 4), low4);
    }
  }
  if constexpr (kKind == CodeKind::kTable) {
    const __m512i t =
        _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
    for (int i = 0; i < 8; ++i) u[i] = _mm512_shuffle_epi8(t, u[i]);
  }
  if constexpr (kKind == CodeKind::kNibblesBits) {
    const __m512i bits = LoadI(p + 256);
    const __m512i sixteen = _mm512_set1_epi8(16);
    for (int i = 0; i < 8; ++i) {
      const __m512i moved = i <= 4 ? _mm512_slli_epi16(bits, i <= 4 ? 4 - i : 0)
                                   : _mm512_srli_epi16(bits, i > 4 ? i - 4 : 0);
      u[i] = _mm512_ternarylogic_epi64(u[i], moved, sixteen, 0xf8);  // u | (moved & 16)
    }
  }
  if constexpr (kKind == CodeKind::kNibblesPairs) {
    const __m512i mask = _mm512_set1_epi8(0x30);
    for (int i = 0; i < 8; ++i) {
      const __m512i pairs = LoadI(p + 256 + 64 * (i / 4));
      const int at = 2 * (i % 4);
      const __m512i moved = at <= 4 ? _mm512_slli_epi16(pairs, at <= 4 ? 4 - at : 0)
                                    : _mm512_srli_epi16(pairs, at > 4 ? at - 4 : 0);
      u[i] = _mm512_ternarylogic_epi64(u[i], moved, mask, 0xf8);
    }
  }
  if constexpr (kKind == CodeKind::kPairs || kKind == CodeKind::kPairsBits) {
    const __m512i three = _mm512_set1_epi8(3);
    for (int i = 0; i < 8; ++i) {
      const __m512i pairs = LoadI(p + 64 * (i / 4));
      u[i] = _mm512_and_si512(_mm512_srli_epi16(pairs, 2 * (i % 4)), three);
    }
  }
  if constexpr (kKind == CodeKind::kPairsBits) {
    const __m512i bits = LoadI(p + 128);
    const __m512i four = _mm512_set1_epi8(4);
    for (int i = 0; i < 8; ++i) {
      const __m512i moved = i <= 2 ? _mm512_slli_epi16(bits, i <= 2 ? 2 - i : 0)
                                   : _mm512_srli_epi16(bits, i > 2 ? i - 2 : 0);
      u[i] = _mm512_ternarylogic_epi64(u[i], moved, four, 0xf8);
    }
  }
}

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

inline __m512 LoadE8M0(const uint8_t* p) {
  const __m512i e = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  const __m512i normal = _mm512_slli_epi32(_mm512_sub_epi32(e, _mm512_set1_epi32(1)), 23);
  const __m512i tiny = _mm512_sllv_epi32(_mm512_set1_epi32(0x00200000), e);
  const __mmask16 small = _mm512_cmplt_epi32_mask(e, _mm512_set1_epi32(2));
  return _mm512_castsi512_ps(_mm512_mask_blend_epi32(small, normal, tiny));
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
  for (int64_t b = 0; b < blocks; ++b) {
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
  }
  for (int t = 0; t < kRows; ++t) Emit(w, out, row + t, group, acc[t]);
}

inline __m512i WidenSigned(const uint8_t* p) {
  return _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
inline __m512i WidenUnsigned(const uint8_t* p) {
  return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
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
const Kernels kAvx512Kernels = {"avx512",   Quantize,  MatMul,        MatMulFloat, RmsNorm,
                                Rope,       SiluMul,   GeluMul,       AddTo,       ScaleBy,
                                SoftCapAll, StoreHalf, Attend,        Merge,       MaxAndExpSum,
                                LayerNorm,  GeluErf,   SwigluClamped, AddScaled};

}  // namespace dure::numerics
