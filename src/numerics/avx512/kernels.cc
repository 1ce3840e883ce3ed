// AVX-512 with VNNI: one vector a step of 16 lanes.
#include "numerics/kernels.h"

#include <immintrin.h>

#include <utility>

namespace dure::numerics {

// clang-format off: each of these uses what the one before defines.
#include "numerics/vector/lanes_512.h"
#include "numerics/vector/emit.h"
#include "numerics/vector/float_kernels.h"
#include "numerics/vector/attention.h"
#include "numerics/vector/prefetch.h"
#include "numerics/vector/integer_lanes_512.h"
#include "numerics/vector/unpack.h"
// clang-format on

namespace {

// Rows that one tile takes at most, by block size: what registers hold.
constexpr int kMostRows32 = 16;
constexpr int kMostRows256 = 8;
/// Rows are walked in panels whose codes stay in the second-level cache while every group passes
/// over them.
constexpr int64_t kPanelBytes = 384 << 10;

inline __m512i Four(const int8_t* codes) {
  return _mm512_set1_epi32(*reinterpret_cast<const __attribute__((may_alias)) int32_t*>(codes));
}

constexpr int DotOffset(const TypeLayout& layout) { return layout.offset; }

template <CodeKind, int kFirst, int kCount, int>
inline __m512i DotSteps(const __m512i* u, const int8_t* codes, __m512i start) {
  __m512i even = start;
  __m512i odd = _mm512_setzero_si512();
  for (int i = kFirst; i < kFirst + kCount; i += 2) {
    even = _mm512_dpbusd_epi32(even, u[i], Four(codes + 4 * i));
    odd = _mm512_dpbusd_epi32(odd, u[i + 1], Four(codes + 4 * i + 4));
  }
  return _mm512_add_epi32(even, odd);
}

inline __m512i PairDot(__m512i sum, __m512i a, __m512i b) { return _mm512_dpwssd_epi32(sum, a, b); }

}  // namespace

#include "numerics/vector/peak.h"
#include "numerics/vector/products.h"

extern const Kernels kAvx512Kernels;
const Kernels kAvx512Kernels = {
    "avx512",     Quantize,  MatMul,  MatMulFloat,   RmsNorm,   Rope,        SiluMul,
    GeluMul,      AddTo,     ScaleBy, SoftCapAll,    StoreKv,   Attend,      Merge,
    MaxAndExpSum, LayerNorm, GeluErf, SwigluClamped, AddScaled, IntegerPeak, FloatPeak};

}  // namespace dure::numerics
