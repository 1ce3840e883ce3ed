// Integer and float lanes of products.h in 512-bit registers: all 16 lanes in one. Included inside
// dure::numerics after lanes_512.h; everything has internal linkage.
// NOLINTBEGIN(llvm-header-guard)

namespace {

using Ints = __m512i;
using Floats = __m512;
constexpr int kParts = 1;  // registers that hold the 16 lanes

inline Ints ZeroI() { return _mm512_setzero_si512(); }
inline Ints SetI(int32_t x) { return _mm512_set1_epi32(x); }
inline Ints SetBytes(int x) { return _mm512_set1_epi8(static_cast<char>(x)); }
inline Ints AddI(Ints a, Ints b) { return _mm512_add_epi32(a, b); }
inline Ints MulI(Ints a, Ints b) { return _mm512_mullo_epi32(a, b); }
inline Ints AndI(Ints a, Ints b) { return _mm512_and_si512(a, b); }
inline Ints OrI(Ints a, Ints b) { return _mm512_or_si512(a, b); }
/// a | (b & mask)
inline Ints Merge(Ints a, Ints b, Ints mask) { return _mm512_ternarylogic_epi64(a, b, mask, 0xf8); }
/// By bits inside each 16; left where kBits < 0.
template <int kBits>
inline Ints ShiftRight(Ints a) {
  if constexpr (kBits == 0) return a;
  if constexpr (kBits > 0) return _mm512_srli_epi16(a, kBits);
  if constexpr (kBits < 0) return _mm512_slli_epi16(a, -kBits);
}
inline Ints HighHalf(Ints a) { return _mm512_slli_epi32(a, 16); }
inline Ints LoadCodes(const uint8_t* p) { return _mm512_loadu_si512(p); }
/// table[index] for each byte, out of 16.
inline Ints LookUp(const uint8_t* table, Ints index) {
  const __m128i t = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
  return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(t), index);
}
inline Ints WidenSigned(const uint8_t* p) {
  return _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
inline Ints WidenUnsigned(const uint8_t* p) {
  return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
/// 16 sums that fit 16 bits.
inline void NarrowSums(const int32_t* sums, int16_t* out) {
  _mm256_store_si256(reinterpret_cast<__m256i*>(out),
                     _mm512_cvtepi32_epi16(_mm512_loadu_si512(sums)));
}

inline Floats ZeroF() { return _mm512_setzero_ps(); }
inline Floats SetF(float x) { return _mm512_set1_ps(x); }
inline Floats MulF(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
inline Floats FmaF(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
inline Floats ToFloats(Ints a) { return _mm512_cvtepi32_ps(a); }
inline Floats HalvesToFloats(const uint8_t* p) {
  return LoadHalf(reinterpret_cast<const uint16_t*>(p));
}
inline Floats LoadE8M0(const uint8_t* p) {
  const __m512i e = WidenUnsigned(p);
  const __m512i normal = _mm512_slli_epi32(_mm512_sub_epi32(e, _mm512_set1_epi32(1)), 23);
  const __m512i tiny = _mm512_sllv_epi32(_mm512_set1_epi32(0x00200000), e);
  const __mmask16 small = _mm512_cmplt_epi32_mask(e, _mm512_set1_epi32(2));
  return _mm512_castsi512_ps(_mm512_mask_blend_epi32(small, normal, tiny));
}

}  // namespace
// NOLINTEND(llvm-header-guard)
