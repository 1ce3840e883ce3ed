// AVX2 with VPDPBUSD in 256 bits (AVX-VNNI): processors without AVX-512 that have integer dot
// products.
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

constexpr int DotOffset(const TypeLayout& layout) { return layout.offset; }

/// One chain spares registers where rows and blocks are independent of each other; a multiplication
/// that waits for the sum wants two.
template <CodeKind, int kFirst, int kCount, int kChains>
inline __m256i DotSteps(const __m256i* u, const int8_t* codes, __m256i start) {
  static_assert(kChains == 1 || kChains == 2);
  __m256i second = _mm256_setzero_si256();
  for (int i = kFirst; i < kFirst + kCount; ++i) {
    __m256i& sum = kChains == 2 && i % 2 == 1 ? second : start;
    sum = _mm256_dpbusd_avx_epi32(sum, u[i], Four(codes + 4 * i));
  }
  return kChains == 2 ? _mm256_add_epi32(start, second) : start;
}

inline __m256i PairDot(__m256i sum, __m256i a, __m256i b) {
  return _mm256_dpwssd_avx_epi32(sum, a, b);
}

}  // namespace

#include "numerics/vector/peak.h"
#include "numerics/vector/products.h"

extern const Kernels kAvxVnniKernels;
const Kernels kAvxVnniKernels = {
    "avxvnni",    Quantize,  MatMul,  MatMulFloat,   RmsNorm,   Rope,        SiluMul,
    GeluMul,      AddTo,     ScaleBy, SoftCapAll,    StoreKv,   Attend,      Merge,
    MaxAndExpSum, LayerNorm, GeluErf, SwigluClamped, AddScaled, IntegerPeak, FloatPeak};

}  // namespace dure::numerics
