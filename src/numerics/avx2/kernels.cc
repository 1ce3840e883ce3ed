// AVX2 with FMA and F16C.
#include "numerics/kernels.h"

#include <immintrin.h>

#include <utility>

namespace dure::numerics {

// clang-format off: each of these uses what the one before defines.
#include "numerics/vector/lanes_256.h"
#include "numerics/vector/emit.h"
#include "numerics/vector/float_kernels.h"
#include "numerics/vector/attention.h"
#include "numerics/vector/prefetch.h"
#include "numerics/vector/integer_lanes_256.h"
#include "numerics/vector/unpack.h"
// clang-format on

namespace {

// Rows that one tile takes at most, by block size: what registers hold.
constexpr int kMostRows32 = 4;
constexpr int kMostRows256 = 4;
/// Rows are walked in panels whose codes stay in the second-level cache while every group passes
/// over them.
constexpr int64_t kPanelBytes = 192 << 10;

inline __m256i Four(const int8_t* codes) {
  return _mm256_set1_epi32(*reinterpret_cast<const __attribute__((may_alias)) int32_t*>(codes));
}

/// Codes of 8 bits would saturate VPMADDUBSW: they are lowered by 128, and the product takes |code|
/// and moves its sign to the activation.
constexpr bool IsLowered(CodeKind kind) {
  return kind == CodeKind::kBytes || kind == CodeKind::kTable;
}

/// What is still to be subtracted from each code after that.
constexpr int DotOffset(const TypeLayout& layout) {
  return IsLowered(layout.kind) ? layout.offset - 128 : layout.offset;
}

template <CodeKind kKind>
inline __m256i Product16(__m256i code, __m256i x) {
  if constexpr (IsLowered(kKind)) {
    code = _mm256_xor_si256(code, _mm256_set1_epi8(-128));
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

template <CodeKind kKind, int kFirst, int kCount, int>
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

inline __m256i PairDot(__m256i sum, __m256i a, __m256i b) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
}

}  // namespace

#include "numerics/vector/peak.h"
#include "numerics/vector/products.h"

extern const Kernels kAvx2Kernels;
const Kernels kAvx2Kernels = {
    "avx2",       Quantize,  MatMul,  MatMulFloat,   RmsNorm,   Rope,        SiluMul,
    GeluMul,      AddTo,     ScaleBy, SoftCapAll,    StoreKv,   Attend,      Merge,
    MaxAndExpSum, LayerNorm, GeluErf, SwigluClamped, AddScaled, IntegerPeak, FloatPeak};

}  // namespace dure::numerics
