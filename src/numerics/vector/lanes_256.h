// Vectors of 16 lanes as two 256-bit registers, for the instruction sets that have no wider ones.
// Included inside dure::numerics by one file per instruction set, after immintrin.h; everything has
// internal linkage. No include guard: there is one inclusion per translation unit.
// NOLINTBEGIN(llvm-header-guard)

namespace {

struct V16 {
  __m256 lo, hi;
};
struct I16 {
  __m256i lo, hi;
};

constexpr int kQkRows = 3;
constexpr int kQkFewRows = 1;
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
inline V16 LoadCodes(const int8_t* p) {
  const __m128i codes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(codes)),
          _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(codes, 8)))};
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
// NOLINTEND(llvm-header-guard)
