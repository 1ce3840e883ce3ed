// Products of quantised rows with 256-bit registers. The including file then includes
// products_256_tiles.h after it has defined DotSteps<kind, first, count>(codes of eight steps,
// activations, start) and DotOffset(layout). NOLINTBEGIN(llvm-header-guard)

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
    for (int i = 0; i < 8; ++i) u[i] = LoadI(p + 64 * i);
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

inline __m256i Four(const int8_t* codes) {
  return _mm256_set1_epi32(*reinterpret_cast<const __attribute__((may_alias)) int32_t*>(codes));
}

}  // namespace
// NOLINTEND(llvm-header-guard)
