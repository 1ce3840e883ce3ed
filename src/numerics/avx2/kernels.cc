// AVX2 with FMA and F16C: a vector of 16 lanes is two registers; integer products go lane half by
// lane half.
#include "numerics/kernels.h"

#include <immintrin.h>

namespace dure::numerics {
namespace {

struct V16 {
  __m256 lo, hi;
};
struct I16 {
  __m256i lo, hi;
};

constexpr int kQkRows = 3;
constexpr int kPvRows = 2;
constexpr int kPvVecs = 2;

inline V16 Zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
inline V16 Set(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
inline V16 Load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
inline void Store(float* p, V16 v) {
  _mm256_storeu_ps(p, v.lo);
  _mm256_storeu_ps(p + 8, v.hi);
}
/// All ones in the first n of eight lanes; n may lie outside 0..8.
inline __m256i HalfMask(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline V16 LoadN(const float* p, int n) {
  if (n == 16) return Load(p);
  return {_mm256_maskload_ps(p, HalfMask(n)), _mm256_maskload_ps(p + 8, HalfMask(n - 8))};
}
inline void StoreN(float* p, V16 v, int n) {
  if (n == 16) return Store(p, v);
  _mm256_maskstore_ps(p, HalfMask(n), v.lo);
  _mm256_maskstore_ps(p + 8, HalfMask(n - 8), v.hi);
}
inline V16 Add(V16 a, V16 b) { return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)}; }
inline V16 Sub(V16 a, V16 b) { return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)}; }
inline V16 Mul(V16 a, V16 b) { return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)}; }
inline V16 Div(V16 a, V16 b) { return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)}; }
inline V16 Fma(V16 a, V16 b, V16 c) {
  return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
inline V16 Negate(V16 a) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_xor_ps(a.lo, sign), _mm256_xor_ps(a.hi, sign)};
}
inline V16 MaxIgnoringNaN(V16 a, V16 running) {
  return {_mm256_max_ps(a.lo, running.lo), _mm256_max_ps(a.hi, running.hi)};
}
inline float First(V16 v) { return _mm256_cvtss_f32(v.lo); }

/// a < b ? yes : no, per lane.
inline V16 SelectLess(V16 a, V16 b, V16 yes, V16 no) {
  return {_mm256_blendv_ps(no.lo, yes.lo, _mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ)),
          _mm256_blendv_ps(no.hi, yes.hi, _mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ))};
}

inline __m256 KeepHalf(__m256 v, int begin, int end, __m256 fill) {
  const __m256i keep = _mm256_andnot_si256(HalfMask(begin), HalfMask(end));
  return _mm256_blendv_ps(fill, v, _mm256_castsi256_ps(keep));
}
/// Lanes [begin, end) of v, `fill` elsewhere; bounds may lie outside 0..16.
inline V16 KeepLanes(V16 v, int begin, int end, float fill) {
  if (begin <= 0 && end >= 16) return v;
  const __m256 f = _mm256_set1_ps(fill);
  return {KeepHalf(v.lo, begin, end, f), KeepHalf(v.hi, begin - 8, end - 8, f)};
}

inline float FoldSum(V16 v) {
  const __m256 a = _mm256_add_ps(v.lo, v.hi);
  const __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
}
inline float FoldMax(V16 v) {
  const __m256 a = _mm256_max_ps(v.lo, v.hi);
  const __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 c = _mm_max_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_max_ss(c, _mm_movehdup_ps(c)));
}

inline __m256 HalfTimesPowerOfTwo(__m256 y, __m256 n) {
  const __m256i shift = _mm256_slli_epi32(_mm256_cvttps_epi32(n), 23);
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(y), shift));
}
inline V16 TimesPowerOfTwo(V16 y, V16 n) {
  return {HalfTimesPowerOfTwo(y.lo, n.lo), HalfTimesPowerOfTwo(y.hi, n.hi)};
}

inline __m128i Load128(const void* p) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}
inline V16 LoadHalf(const uint16_t* p) {
  return {_mm256_cvtph_ps(Load128(p)), _mm256_cvtph_ps(Load128(p + 8))};
}
inline __m256 Bf16Half(const uint16_t* p) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(Load128(p)), 16));
}
inline V16 LoadBf16(const uint16_t* p) { return {Bf16Half(p), Bf16Half(p + 8)}; }
inline void ToHalf(uint16_t* p, V16 v) {
  constexpr int kRound = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(v.lo, kRound));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p + 8), _mm256_cvtps_ph(v.hi, kRound));
}

inline I16 AbsBits(V16 v) {
  const __m256i mask = _mm256_set1_epi32(0x7fffffff);
  return {_mm256_and_si256(_mm256_castps_si256(v.lo), mask),
          _mm256_and_si256(_mm256_castps_si256(v.hi), mask)};
}
inline I16 MaxI(I16 a, I16 b) {
  return {_mm256_max_epi32(a.lo, b.lo), _mm256_max_epi32(a.hi, b.hi)};
}
inline int32_t FoldMaxI(I16 v) {
  const __m256i a = _mm256_max_epi32(v.lo, v.hi);
  __m128i b = _mm_max_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
  b = _mm_max_epi32(b, _mm_shuffle_epi32(b, 0x4e));
  b = _mm_max_epi32(b, _mm_shuffle_epi32(b, 0xb1));
  return _mm_cvtsi128_si32(b);
}
inline I16 RoundToInt(V16 v) { return {_mm256_cvtps_epi32(v.lo), _mm256_cvtps_epi32(v.hi)}; }
inline void StoreCodes(int8_t* p, I16 v) {
  const __m256i high = _mm256_set1_epi32(127);
  const __m256i low = _mm256_set1_epi32(-127);
  const __m256i a = _mm256_max_epi32(_mm256_min_epi32(v.lo, high), low);
  const __m256i b = _mm256_max_epi32(_mm256_min_epi32(v.hi, high), low);
  const __m128i a16 = _mm_packs_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
  const __m128i b16 = _mm_packs_epi32(_mm256_castsi256_si128(b), _mm256_extracti128_si256(b, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(a16, b16));
}
inline int32_t FoldSumI(__m256i v) {
  __m128i b = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  b = _mm_add_epi32(b, _mm_shuffle_epi32(b, 0x4e));
  b = _mm_add_epi32(b, _mm_shuffle_epi32(b, 0xb1));
  return _mm_cvtsi128_si32(b);
}
inline int32_t SumCodes16(const int8_t* p) {
  const __m256i wide = _mm256_cvtepi8_epi16(Load128(p));
  return FoldSumI(_mm256_madd_epi16(wide, _mm256_set1_epi16(1)));
}

}  // namespace
}  // namespace dure::numerics

namespace dure::numerics {
#include "numerics/vector/float_kernels.h"

namespace {

// Integer products work on one half of the lanes: eight rows, bytes [32 half, 32 half + 32) of each
// step.

inline __m256i LoadI(const uint8_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

template <CodeKind kKind>
inline void Unpack(const uint8_t* p, const uint8_t* table, __m256i* u) {
  const __m256i low4 = _mm256_set1_epi8(15);
  if constexpr (kKind == CodeKind::kBytes) {
    // Signed codes: the product takes |code| and moves its sign to the activation.
    for (int i = 0; i < 8; ++i) u[i] = _mm256_xor_si256(LoadI(p + 64 * i), _mm256_set1_epi8(-128));
    return;
  }
  if constexpr (kKind == CodeKind::kNibbles || kKind == CodeKind::kTable ||
                kKind == CodeKind::kNibblesBits || kKind == CodeKind::kNibblesPairs) {
    for (int i = 0; i < 4; ++i) {
      const __m256i x = LoadI(p + 64 * i);
      u[i] = _mm256_and_si256(x, low4);
      u[i + 4] = _mm256_and_si256(_mm256_srli_epi16(x, 4), low4);
    }
  }
  if constexpr (kKind == CodeKind::kTable) {
    const __m256i t = _mm256_broadcastsi128_si256(Load128(table));
    for (int i = 0; i < 8; ++i) u[i] = _mm256_shuffle_epi8(t, u[i]);
  }
  if constexpr (kKind == CodeKind::kNibblesBits) {
    const __m256i bits = LoadI(p + 256);
    const __m256i one = _mm256_set1_epi8(1);
    for (int i = 0; i < 8; ++i) {
      const __m256i bit = _mm256_and_si256(_mm256_srli_epi16(bits, i), one);
      u[i] = _mm256_or_si256(u[i], _mm256_slli_epi16(bit, 4));
    }
  }
  if constexpr (kKind == CodeKind::kNibblesPairs) {
    const __m256i three = _mm256_set1_epi8(3);
    for (int i = 0; i < 8; ++i) {
      const __m256i pairs = LoadI(p + 256 + 64 * (i / 4));
      const __m256i pair = _mm256_and_si256(_mm256_srli_epi16(pairs, 2 * (i % 4)), three);
      u[i] = _mm256_or_si256(u[i], _mm256_slli_epi16(pair, 4));
    }
  }
  if constexpr (kKind == CodeKind::kPairs || kKind == CodeKind::kPairsBits) {
    const __m256i three = _mm256_set1_epi8(3);
    for (int i = 0; i < 8; ++i) {
      const __m256i pairs = LoadI(p + 64 * (i / 4));
      u[i] = _mm256_and_si256(_mm256_srli_epi16(pairs, 2 * (i % 4)), three);
    }
  }
  if constexpr (kKind == CodeKind::kPairsBits) {
    const __m256i bits = LoadI(p + 128);
    const __m256i one = _mm256_set1_epi8(1);
    for (int i = 0; i < 8; ++i) {
      const __m256i bit = _mm256_and_si256(_mm256_srli_epi16(bits, i), one);
      u[i] = _mm256_or_si256(u[i], _mm256_slli_epi16(bit, 2));
    }
  }
}

/// Whether Unpack gives signed codes, and by how much the unsigned ones must be lowered.
constexpr bool IsSigned(CodeKind kind) { return kind == CodeKind::kBytes; }
constexpr int OffsetOf(const TypeLayout& layout) {
  return IsSigned(layout.kind) ? layout.offset - 128 : layout.offset;
}

/// Table codes may reach 241, so that VPMADDUBSW would saturate; they are lowered by 128 and
/// treated as signed.
template <CodeKind kKind>
inline __m256i Product16(__m256i code, __m256i x) {
  if constexpr (kKind == CodeKind::kBytes || kKind == CodeKind::kTable) {
    if constexpr (kKind == CodeKind::kTable) {
      code = _mm256_xor_si256(code, _mm256_set1_epi8(-128));
    }
    return _mm256_maddubs_epi16(_mm256_abs_epi8(code), _mm256_sign_epi8(x, code));
  } else {
    return _mm256_maddubs_epi16(code, x);
  }
}

/// How many products of a kind add up in 16 bits without overflow: largest code * 127 * 2 * steps
/// <= 32767.
constexpr int StepsPerSum(CodeKind kind) {
  switch (kind) {
    case CodeKind::kNibbles:
    case CodeKind::kPairs:
    case CodeKind::kPairsBits:
      return 8;  // 15 * 254 * 8 = 30480
    case CodeKind::kNibblesBits:
      return 4;  // 31 * 254 * 4 = 31496
    case CodeKind::kNibblesPairs:
      return 2;  // 63 * 254 * 2 = 32004
    default:
      return 1;
  }
}

inline __m256i Four(const int8_t* codes) {
  return _mm256_set1_epi32(*reinterpret_cast<const __attribute__((may_alias)) int32_t*>(codes));
}

template <CodeKind kKind, int kFirst, int kCount>
inline __m256i DotSteps(const __m256i* u, const int8_t* codes, __m256i start) {
  constexpr int kRun = StepsPerSum(kKind) < kCount ? StepsPerSum(kKind) : kCount;
  const __m256i ones = _mm256_set1_epi16(1);
  for (int i = kFirst; i < kFirst + kCount; i += kRun) {
    __m256i sum = Product16<kKind>(u[i], Four(codes + 4 * i));
    for (int j = 1; j < kRun; ++j) {
      sum = _mm256_add_epi16(sum, Product16<kKind>(u[i + j], Four(codes + 4 * (i + j))));
    }
    start = _mm256_add_epi32(start, _mm256_madd_epi16(sum, ones));
  }
  return start;
}

/// The integer offset that Product16's codes still carry.
constexpr int RemainingOffset(const TypeLayout& layout) {
  return layout.kind == CodeKind::kTable ? layout.offset - 128 : OffsetOf(layout);
}

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
  constexpr int kOffset = RemainingOffset(kLayout);
  const int64_t blocks = w->cols / 32;
  const uint8_t* codes = w->data + group * w->group_bytes + 32 * half;
  const uint8_t* scales = w->data + group * w->group_bytes + w->scales_offset;
  for (int t = 0; t < kRows; ++t) acc[t] = _mm256_setzero_ps();
  for (int64_t b = 0; b < blocks; ++b) {
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
  constexpr int kOffset = RemainingOffset(kLayout);
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
  for (int64_t b = 0; b < blocks; ++b) {
    __m256i total[kRows];
    for (int t = 0; t < kRows; ++t) total[t] = _mm256_setzero_si256();
    for (int slice = 0; slice < 8; ++slice) {
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

extern const Kernels kAvx2Kernels;
const Kernels kAvx2Kernels = {"avx2",     Quantize,  MatMul,  MatMulFloat, RmsNorm,
                              Rope,       SiluMul,   GeluMul, AddTo,       ScaleBy,
                              SoftCapAll, StoreHalf, Attend,  Merge,       MaxAndExpSum};

}  // namespace dure::numerics
