// Vectors of 16 lanes as one 512-bit register. Included inside dure::numerics by each file that
// needs them, after immintrin.h; everything has internal linkage. No include guard: there is one
// inclusion per translation unit.
// NOLINTBEGIN(llvm-header-guard)

namespace {

using V16 = __m512;
using I16 = __m512i;

constexpr int kQkRows = 8;
constexpr int kQkFewRows = 4;
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
inline V16 LoadCodes(const int8_t* p) {
  return _mm512_cvtepi32_ps(
      _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
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
// NOLINTEND(llvm-header-guard)
