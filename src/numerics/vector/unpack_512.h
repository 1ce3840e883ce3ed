// From re-laid weights (layout.h) to codes and scales in 512-bit registers. Included inside
// dure::numerics after lanes_512.h; everything has internal linkage.
// NOLINTBEGIN(llvm-header-guard)

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

inline __m512 LoadE8M0(const uint8_t* p) {
  const __m512i e = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  const __m512i normal = _mm512_slli_epi32(_mm512_sub_epi32(e, _mm512_set1_epi32(1)), 23);
  const __m512i tiny = _mm512_sllv_epi32(_mm512_set1_epi32(0x00200000), e);
  const __mmask16 small = _mm512_cmplt_epi32_mask(e, _mm512_set1_epi32(2));
  return _mm512_castsi512_ps(_mm512_mask_blend_epi32(small, normal, tiny));
}

inline __m512i WidenSigned(const uint8_t* p) {
  return _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
inline __m512i WidenUnsigned(const uint8_t* p) {
  return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

}  // namespace
// NOLINTEND(llvm-header-guard)
