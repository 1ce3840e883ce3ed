// Integer and float lanes of products.h in 256-bit registers: eight lanes in each of two. Included
// inside dure::numerics after lanes_256.h; everything has internal linkage.
// NOLINTBEGIN(llvm-header-guard)

namespace {

using Ints = __m256i;
using Floats = __m256;
constexpr int kParts = 2;  // registers that hold the 16 lanes

inline Ints ZeroI() { return _mm256_setzero_si256(); }
inline Ints SetI(int32_t x) { return _mm256_set1_epi32(x); }
inline Ints SetBytes(int x) { return _mm256_set1_epi8(static_cast<char>(x)); }
inline Ints AddI(Ints a, Ints b) { return _mm256_add_epi32(a, b); }
inline Ints MulI(Ints a, Ints b) { return _mm256_mullo_epi32(a, b); }
inline Ints AndI(Ints a, Ints b) { return _mm256_and_si256(a, b); }
inline Ints OrI(Ints a, Ints b) { return _mm256_or_si256(a, b); }
/// a | (b & mask)
inline Ints Merge(Ints a, Ints b, Ints mask) {
  return _mm256_or_si256(a, _mm256_and_si256(b, mask));
}
/// By bits inside each 16; left where kBits < 0.
template <int kBits>
inline Ints ShiftRight(Ints a) {
  if constexpr (kBits == 0) return a;
  if constexpr (kBits > 0) return _mm256_srli_epi16(a, kBits);
  if constexpr (kBits < 0) return _mm256_slli_epi16(a, -kBits);
}
inline Ints HighHalf(Ints a) { return _mm256_slli_epi32(a, 16); }
inline Ints LoadCodes(const uint8_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
/// table[index] for each byte, out of 16.
inline Ints LookUp(const uint8_t* table, Ints index) {
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(Load128(table)), index);
}
inline Ints WidenSigned(const uint8_t* p) {
  return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
inline Ints WidenUnsigned(const uint8_t* p) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
/// 16 sums that fit 16 bits.
inline void NarrowSums(const int32_t* sums, int16_t* out) {
  const auto* p = reinterpret_cast<const __m256i*>(sums);
  const __m256i packed = _mm256_packs_epi32(_mm256_loadu_si256(p), _mm256_loadu_si256(p + 1));
  _mm256_store_si256(reinterpret_cast<__m256i*>(out), _mm256_permute4x64_epi64(packed, 0xd8));
}

inline Floats ZeroF() { return _mm256_setzero_ps(); }
inline Floats SetF(float x) { return _mm256_set1_ps(x); }
inline Floats MulF(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
inline Floats FmaF(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
inline Floats ToFloats(Ints a) { return _mm256_cvtepi32_ps(a); }
inline Floats HalvesToFloats(const uint8_t* p) { return _mm256_cvtph_ps(Load128(p)); }
inline Floats LoadE8M0(const uint8_t* p) {
  const __m256i e = WidenUnsigned(p);
  const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
  const __m256i tiny = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), e);
  const __m256i small = _mm256_cmpgt_epi32(_mm256_set1_epi32(2), e);
  return _mm256_castsi256_ps(_mm256_blendv_epi8(normal, tiny, small));
}
inline V16 Join(Floats first, Floats second) { return {first, second}; }

}  // namespace
// NOLINTEND(llvm-header-guard)
