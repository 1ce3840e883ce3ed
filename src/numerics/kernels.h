// The kernels a model is made of, one table per instruction set, all giving the same bits.
// docs/numerics.md is the contract.
//
// Kernels work on the calling thread over the range they are given; any split of rows or groups
// gives the same bits. Pointers need no alignment unless said. Plain structs and function pointers
// only: the instruction-set folders are compiled with wider flags and must not share inline code
// with the rest.
#pragma once

#include <cstdint>

#include "numerics/constants.h"
#include "numerics/kv_layout.h"
#include "numerics/layout.h"

namespace dure::numerics {

/// Activations as int8 codes (rule 1 of the contract). For block 32: sums are of 32 codes and
/// scaled_sums[i] = scale * float(sum). For block 256: sums are of 16 codes, scaled_sums is not
/// used.
struct QuantizedRows {
  int8_t* codes;       // [rows][cols]
  float* scales;       // [rows][cols / block]
  int32_t* sums;       // [rows][cols / (block == 32 ? 32 : 16)]
  float* scaled_sums;  // [rows][cols / 32]
  int64_t cols;
  int block;  // 32 or 256
};

/// What a product does with its sums: y = sum (+ bias[output]) (+ y).
struct ProductOut {
  float* y;  // [rows][stride]
  int64_t stride;
  const float* bias;  // [outputs] or nullptr
  bool add;           // add to what stands in y
};

/// Query heads that share one KV head, for rows of one sequence, over one chunk of its positions.
struct AttentionTile {
  const float* const* queries;  // [count] pointers to [head_dim]
  int count;
  const int* begin;  // [count]: the row attends to chunk positions [begin, end), 0 <= begin <= end
                     // <= kAttentionChunk
  const int* end;
  int head_dim;    // multiple of 16, at most kMaxHeadDim
  float scale;     // scores = dot * scale
  float soft_cap;  // 0: none; else cap * tanh(score / cap)
  CacheType cache;
  const uint8_t* const* blocks;  // [kAttentionChunk / kKvBlock], as kv_layout.h describes
  float* scratch;                // [count][kAttentionChunk]
};

inline constexpr int kMaxHeadDim = 512;

/// The running result of attention for one query: weights are relative to `max`.
struct AttentionState {
  float max;  // -infinity: nothing attended yet
  float sum;
  float* acc;  // [head_dim]
};

struct Kernels {
  const char* name;

  /// rows of x [rows][cols] -> codes, scales, sums.
  void (*quantize)(const float* x, int64_t stride, int64_t row_begin, int64_t row_end,
                   const QuantizedRows* out);
  /// Rows of x times the transposed matrix, for output groups [group_begin, group_end).
  void (*matmul)(const PackedView* w, const QuantizedRows* x, int64_t row_begin, int64_t row_end,
                 int64_t group_begin, int64_t group_end, const ProductOut* out);
  /// The same for float types; x is [rows][stride] float32.
  void (*matmul_float)(const PackedView* w, const float* x, int64_t stride, int64_t row_begin,
                       int64_t row_end, int64_t group_begin, int64_t group_end,
                       const ProductOut* out);
  /// y = x / sqrt(mean(x^2) + epsilon) * weight; y may be x.
  void (*rms_norm)(const float* x, const float* weight, int64_t cols, float epsilon, float* y);
  /// Rotates pairs (i, i + half) of x[0, 2*half) by table rows cosine[half], sine[half].
  void (*rope)(float* x, int64_t half, const float* cosine, const float* sine);
  /// out = silu(gate) * up, and gelu (tanh form) likewise. out may be gate.
  void (*silu_mul)(const float* gate, const float* up, int64_t count, float* out);
  void (*gelu_mul)(const float* gate, const float* up, int64_t count, float* out);
  /// x += y.
  void (*add)(float* x, const float* y, int64_t count);
  /// x *= factor.
  void (*scale)(float* x, float factor, int64_t count);
  /// x = cap * tanh(x / cap).
  void (*soft_cap)(float* x, float cap, int64_t count);
  /// Writes the key and value [head_dim] of position `at` of a cache block (rule 3).
  void (*store_kv)(CacheType type, const float* key, const float* value, int head_dim, int at,
                   uint8_t* block);
  /// Attention of a tile over one chunk, merged into each query's running state.
  void (*attend)(const AttentionTile* tile, AttentionState* states);
  /// Merges a later chunk's state into an earlier one, as attend does.
  void (*merge)(AttentionState* into, const AttentionState* from, int head_dim);
  /// The largest element (NaN ignored unless all are) and the sum of exp(x - max) over x in 16
  /// partial sums.
  void (*max_and_exp_sum)(const float* x, int64_t count, float* max, float* sum);
  /// y = (x - mean(x)) / sqrt(variance(x) + epsilon) * weight + bias; y may be x.
  void (*layer_norm)(const float* x, const float* weight, const float* bias, int64_t cols,
                     float epsilon, float* y);
  /// x = gelu(x), the erf form.
  void (*gelu_erf)(float* x, int64_t count);
  /// out = g / (1 + exp(-kSwigluAlpha g)) * (u + 1) with g = min(gate, kSwigluLimit) and u = up
  /// clamped to +-kSwigluLimit. out may be gate or up.
  void (*swiglu_clamped)(const float* gate, const float* up, int64_t count, float* out);
  /// x += factor * y.
  void (*add_scaled)(float* x, const float* y, float factor, int64_t count);
  /// Multiply-adds of int8 codes, and of float32, with operands in registers, for `rounds` rounds;
  /// returns how many were done. For measuring what this machine could do at most.
  int64_t (*integer_peak)(int64_t rounds);
  int64_t (*float_peak)(int64_t rounds);
};

enum class Isa { kReference, kAvx2, kAvxVnni, kAvx512, kAmx };

/// nullptr when this CPU lacks it. The first question about AMX asks the kernel to let this process
/// use it; a refusal counts as lacking it.
const Kernels* KernelsFor(Isa isa);
/// The same whether or not this CPU has it: for tests that emulate what it lacks.
const Kernels* UncheckedKernelsFor(Isa isa);
const char* IsaName(Isa isa);  // as DURE_ISA names it
/// From the slowest to the fastest.
inline constexpr Isa kAllIsas[] = {Isa::kReference, Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512,
                                   Isa::kAmx};

/// What the environment asks for and what the machine has. Exactly one of kernels and error is set.
struct KernelChoice {
  const Kernels* kernels;
  const char* error;  // static text: "DURE_ISA names an instruction set this machine does not have"
};
KernelChoice ChooseKernels();

}  // namespace dure::numerics
