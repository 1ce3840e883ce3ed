// Products of the same precision as the contract's (docs/numerics.md, rule 1) from kernels that may
// round in any order: what the contract is measured against.
#pragma once

#include <cstdint>

#include "numerics/kernels.h"

namespace dure::bench {

/// As numerics::Kernels::matmul, for Q4_1, Q5_0, Q8_0, Q4_K and Q6_K; needs AVX-512 with VNNI.
/// Other types are left alone.
void FreeMatMul(const numerics::PackedView* w, const numerics::QuantizedRows* x, int64_t row_begin,
                int64_t row_end, int64_t group_begin, int64_t group_end,
                const numerics::ProductOut* out);

}  // namespace dure::bench
