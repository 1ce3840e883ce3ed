// AVX2 with VPDPBUSD in 256 bits (AVX-VNNI): processors without AVX-512 that have integer dot
// products.
#include "numerics/kernels.h"

#include <immintrin.h>

namespace dure::numerics {

// clang-format off: each of these uses what the one before defines.
#include "numerics/vector/lanes_256.h"
#include "numerics/vector/emit.h"
#include "numerics/vector/float_kernels.h"
#include "numerics/vector/attention.h"
#include "numerics/vector/prefetch.h"
#include "numerics/vector/products_256.h"
// clang-format on

namespace {

constexpr int DotOffset(const TypeLayout& layout) { return layout.offset; }

/// Dot products of steps [kFirst, kFirst + kCount) with one row's codes, added to `start`.
template <CodeKind, int kFirst, int kCount>
inline __m256i DotSteps(const __m256i* u, const int8_t* codes, __m256i start) {
  __m256i odd = _mm256_setzero_si256();
  for (int i = kFirst; i < kFirst + kCount; i += 2) {
    start = _mm256_dpbusd_avx_epi32(start, u[i], Four(codes + 4 * i));
    odd = _mm256_dpbusd_avx_epi32(odd, u[i + 1], Four(codes + 4 * i + 4));
  }
  return _mm256_add_epi32(start, odd);
}

}  // namespace

#include "numerics/vector/products_256_tiles.h"

extern const Kernels kAvxVnniKernels;
const Kernels kAvxVnniKernels = {"avxvnni",  Quantize, MatMul,        MatMulFloat, RmsNorm,
                                 Rope,       SiluMul,  GeluMul,       AddTo,       ScaleBy,
                                 SoftCapAll, StoreKv,  Attend,        Merge,       MaxAndExpSum,
                                 LayerNorm,  GeluErf,  SwigluClamped, AddScaled};

}  // namespace dure::numerics
