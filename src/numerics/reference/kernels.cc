// The specification in code: one value at a time, in the order docs/numerics.md gives. Slow on
// purpose.
#include "numerics/kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "numerics/float16.h"
#include "numerics/packed_matrix.h"
#include "numerics/scalar_math.h"

namespace dure::numerics {
namespace {

/// 16 partial sums folded 8-4-2-1.
float FoldSum(float* p) {
  for (int width = 8; width >= 1; width /= 2) {
    for (int i = 0; i < width; ++i) p[i] += p[i + width];
  }
  return p[0];
}

float SoftCap(float x, float cap) {
  const float t = Exp(2.0f * (x / cap));
  return cap * (1.0f - 2.0f / (t + 1.0f));
}

void QuantizeBlock(const float* x, int count, int8_t* codes, float* scale) {
  uint32_t max_bits = 0;
  for (int i = 0; i < count; ++i) {
    const uint32_t bits = std::bit_cast<uint32_t>(x[i]) & 0x7fffffffu;
    if (bits > max_bits) max_bits = bits;
  }
  const float absmax = std::bit_cast<float>(max_bits);
  if (max_bits >= 0x7f800000u || absmax < kSmallestAbsMax) {
    std::memset(codes, 0, count);
    *scale = max_bits >= 0x7f800000u ? std::bit_cast<float>(0x7fc00000u) : 0.0f;
    return;
  }
  *scale = absmax / 127.0f;
  const float inverse = 127.0f / absmax;
  for (int i = 0; i < count; ++i) {
    int code = static_cast<int>(std::nearbyint(x[i] * inverse));
    if (code > 127) code = 127;
    if (code < -127) code = -127;
    codes[i] = static_cast<int8_t>(code);
  }
}

void Quantize(const float* x, int64_t stride, int64_t row_begin, int64_t row_end,
              const QuantizedRows* out) {
  const int64_t blocks = out->cols / out->block;
  const int sum_width = out->block == 32 ? 32 : 16;
  for (int64_t row = row_begin; row < row_end; ++row) {
    int8_t* codes = out->codes + row * out->cols;
    for (int64_t b = 0; b < blocks; ++b) {
      QuantizeBlock(x + row * stride + b * out->block, out->block, codes + b * out->block,
                    out->scales + row * blocks + b);
    }
    for (int64_t i = 0; i < out->cols / sum_width; ++i) {
      int32_t sum = 0;
      for (int k = 0; k < sum_width; ++k) sum += codes[i * sum_width + k];
      out->sums[row * (out->cols / sum_width) + i] = sum;
      if (out->block == 32) {
        out->scaled_sums[row * blocks + i] =
            out->scales[row * blocks + i] * static_cast<float>(sum);
      }
    }
  }
}

void Emit(const ProductOut* out, int64_t row, int64_t output, float sum) {
  float* y = out->y + row * out->stride + output;
  if (out->bias != nullptr) sum = sum + out->bias[output];
  *y = out->add ? *y + sum : sum;
}

float DotRow(const PackedView* w, const QuantizedRows* x, int64_t row, int64_t output) {
  const TypeLayout layout = LayoutOf(w->type);
  const uint8_t* group = w->data + output / kLanes * w->group_bytes;
  const int lane = static_cast<int>(output % kLanes);
  const int8_t* codes = x->codes + row * w->cols;
  const int64_t blocks = w->cols / layout.block;
  float acc = 0;
  for (int64_t b = 0; b < blocks; ++b) {
    const PackedScales s = ReadScales(layout, group + w->scales_offset, lane, b);
    int32_t dot = 0;
    int32_t minimum = 0;
    for (int k = 0; k < layout.block; ++k) {
      const int64_t at = b * layout.block + k;
      const int code = PackedCode(layout, group, lane, at) - layout.offset;
      dot += s.scales[k / layout.sub] * code * codes[at];
      minimum += s.mins[k / layout.sub] * codes[at];
    }
    const float scale = x->scales[row * blocks + b];
    acc = std::fma(static_cast<float>(dot), s.d * scale, acc);
    if (layout.has_min) acc = std::fma(s.m, scale * static_cast<float>(minimum), acc);
  }
  return acc;
}

int64_t EndOutput(const PackedView* w, int64_t group_end) {
  const int64_t end = group_end * kLanes;
  return end < w->rows ? end : w->rows;
}

void MatMul(const PackedView* w, const QuantizedRows* x, int64_t row_begin, int64_t row_end,
            int64_t group_begin, int64_t group_end, const ProductOut* out) {
  for (int64_t row = row_begin; row < row_end; ++row) {
    for (int64_t o = group_begin * kLanes; o < EndOutput(w, group_end); ++o) {
      Emit(out, row, o, DotRow(w, x, row, o));
    }
  }
}

float LoadWeight(const PackedView* w, const uint8_t* group, int lane, int64_t k) {
  const int64_t at = k * kLanes + lane;
  if (w->type == BlockType::kF32) {
    float f;
    std::memcpy(&f, group + 4 * at, 4);
    return f;
  }
  uint16_t bits;
  std::memcpy(&bits, group + 2 * at, 2);
  return w->type == BlockType::kF16 ? HalfToFloat(bits) : Bf16ToFloat(bits);
}

void MatMulFloat(const PackedView* w, const float* x, int64_t stride, int64_t row_begin,
                 int64_t row_end, int64_t group_begin, int64_t group_end, const ProductOut* out) {
  for (int64_t row = row_begin; row < row_end; ++row) {
    for (int64_t o = group_begin * kLanes; o < EndOutput(w, group_end); ++o) {
      const uint8_t* group = w->data + o / kLanes * w->group_bytes;
      float acc = 0;
      for (int64_t k = 0; k < w->cols; ++k) {
        acc = std::fma(LoadWeight(w, group, static_cast<int>(o % kLanes), k), x[row * stride + k],
                       acc);
      }
      Emit(out, row, o, acc);
    }
  }
}

void RmsNorm(const float* x, const float* weight, int64_t cols, float epsilon, float* y) {
  float partial[16] = {};
  for (int64_t i = 0; i < cols; ++i) partial[i % 16] = std::fma(x[i], x[i], partial[i % 16]);
  const float mean = FoldSum(partial) / static_cast<float>(cols);
  const float factor = 1.0f / std::sqrt(mean + epsilon);
  for (int64_t i = 0; i < cols; ++i) y[i] = x[i] * factor * weight[i];
}

void Rope(float* x, int64_t half, const float* cosine, const float* sine) {
  for (int64_t i = 0; i < half; ++i) {
    const float a = x[i];
    const float b = x[i + half];
    x[i] = std::fma(a, cosine[i], -(b * sine[i]));
    x[i + half] = std::fma(a, sine[i], b * cosine[i]);
  }
}

void SiluMul(const float* gate, const float* up, int64_t count, float* out) {
  for (int64_t i = 0; i < count; ++i) {
    out[i] = gate[i] / (1.0f + Exp(-gate[i])) * up[i];
  }
}

void GeluMul(const float* gate, const float* up, int64_t count, float* out) {
  for (int64_t i = 0; i < count; ++i) {
    const float x = gate[i];
    const float u = x * std::fma(kGeluA, x * x, kGeluB);
    out[i] = (x - x / (Exp(2.0f * u) + 1.0f)) * up[i];
  }
}

void Add(float* x, const float* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) x[i] += y[i];
}

void Scale(float* x, float factor, int64_t count) {
  for (int64_t i = 0; i < count; ++i) x[i] *= factor;
}

void SoftCapAll(float* x, float cap, int64_t count) {
  for (int64_t i = 0; i < count; ++i) x[i] = SoftCap(x[i], cap);
}

uint16_t ClampedHalf(float v) {
  if (v > kLargestHalf) v = kLargestHalf;
  if (v < -kLargestHalf) v = -kLargestHalf;
  return FloatToHalf(v);
}

void StoreKv(CacheType type, const float* key, const float* value, int head_dim, int at,
             uint8_t* block) {
  uint8_t* values = block + ValuesOffset(type, head_dim);
  const int64_t key_index = KeyIndex(at, head_dim);
  const int64_t value_index = static_cast<int64_t>(at) * head_dim;
  if (type == CacheType::kF16) {
    for (int d = 0; d < head_dim; ++d) {
      reinterpret_cast<uint16_t*>(block)[key_index + d * 16] = ClampedHalf(key[d]);
      reinterpret_cast<uint16_t*>(values)[value_index + d] = ClampedHalf(value[d]);
    }
    return;
  }
  auto* key_scales = reinterpret_cast<float*>(block + KeyScalesOffset(type, head_dim));
  auto* value_scales = reinterpret_cast<float*>(block + ValueScalesOffset(type, head_dim));
  std::vector<int8_t> codes(head_dim);
  QuantizeBlock(key, head_dim, codes.data(), key_scales + at);
  for (int d = 0; d < head_dim; ++d) {
    reinterpret_cast<int8_t*>(block)[key_index + d * 16] = codes[d];
  }
  QuantizeBlock(value, head_dim, codes.data(), value_scales + at);
  for (int d = 0; d < head_dim; ++d) reinterpret_cast<int8_t*>(values)[value_index + d] = codes[d];
}

/// The rule for joining two sets of positions: both weights are rescaled to the larger maximum.
void Merge(AttentionState* into, const AttentionState* from, int head_dim) {
  if (from->max == -std::numeric_limits<float>::infinity()) return;
  const float max = from->max > into->max ? from->max : into->max;
  const float a = Exp(into->max - max);
  const float b = Exp(from->max - max);
  into->sum = std::fma(from->sum, b, into->sum * a);
  for (int d = 0; d < head_dim; ++d) {
    into->acc[d] = std::fma(from->acc[d], b, into->acc[d] * a);
  }
  into->max = max;
}

float CachedValue(CacheType type, const uint8_t* base, int64_t element) {
  if (type == CacheType::kF16) return HalfToFloat(reinterpret_cast<const uint16_t*>(base)[element]);
  return static_cast<float>(reinterpret_cast<const int8_t*>(base)[element]);
}

float Score(const AttentionTile* t, int row, int position) {
  const uint8_t* block = t->blocks[position / kKvBlock];
  const int at = position % kKvBlock;
  const int64_t key = KeyIndex(at, t->head_dim);
  float dot = 0;
  for (int d = 0; d < t->head_dim; ++d) {
    dot = std::fma(t->queries[row][d], CachedValue(t->cache, block, key + d * 16), dot);
  }
  if (t->cache == CacheType::kQ8) {
    dot *= reinterpret_cast<const float*>(block + KeyScalesOffset(t->cache, t->head_dim))[at];
  }
  const float score = dot * t->scale;
  return t->soft_cap > 0 ? SoftCap(score, t->soft_cap) : score;
}

void Attend(const AttentionTile* t, AttentionState* states) {
  std::vector<float> weights(kAttentionChunk);
  std::vector<float> acc(t->head_dim);
  for (int row = 0; row < t->count; ++row) {
    if (t->begin[row] >= t->end[row]) continue;
    float max = -std::numeric_limits<float>::infinity();
    for (int j = t->begin[row]; j < t->end[row]; ++j) {
      weights[j] = Score(t, row, j);
      if (weights[j] > max) max = weights[j];
    }
    float partial[16] = {};
    for (int j = t->begin[row]; j < t->end[row]; ++j) {
      weights[j] = Exp(weights[j] - max);
      partial[j % 16] += weights[j];
    }
    std::fill(acc.begin(), acc.end(), 0.0f);
    for (int j = t->begin[row]; j < t->end[row]; ++j) {
      const uint8_t* block = t->blocks[j / kKvBlock];
      const int at = j % kKvBlock;
      float weight = weights[j];
      if (t->cache == CacheType::kQ8) {
        weight *=
            reinterpret_cast<const float*>(block + ValueScalesOffset(t->cache, t->head_dim))[at];
      }
      const uint8_t* values = block + ValuesOffset(t->cache, t->head_dim);
      for (int d = 0; d < t->head_dim; ++d) {
        const float value =
            CachedValue(t->cache, values, static_cast<int64_t>(at) * t->head_dim + d);
        acc[d] = std::fma(weight, value, acc[d]);
      }
    }
    const AttentionState chunk = {max, FoldSum(partial), acc.data()};
    Merge(&states[row], &chunk, t->head_dim);
  }
}

void MaxAndExpSum(const float* x, int64_t count, float* max, float* sum) {
  float largest = -std::numeric_limits<float>::infinity();
  for (int64_t i = 0; i < count; ++i) {
    if (x[i] > largest) largest = x[i];
  }
  float partial[16] = {};
  for (int64_t i = 0; i < count; ++i) partial[i % 16] += Exp(x[i] - largest);
  *max = largest;
  *sum = FoldSum(partial);
}

void LayerNorm(const float* x, const float* weight, const float* bias, int64_t cols, float epsilon,
               float* y) {
  float sums[16] = {};
  for (int64_t i = 0; i < cols; ++i) sums[i % 16] += x[i];
  const float mean = FoldSum(sums) / static_cast<float>(cols);
  float squares[16] = {};
  for (int64_t i = 0; i < cols; ++i) {
    const float d = x[i] - mean;
    squares[i % 16] = std::fma(d, d, squares[i % 16]);
  }
  const float variance = FoldSum(squares) / static_cast<float>(cols);
  const float factor = 1.0f / std::sqrt(variance + epsilon);
  for (int64_t i = 0; i < cols; ++i) y[i] = std::fma((x[i] - mean) * factor, weight[i], bias[i]);
}

void GeluErf(float* x, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const float z = (x[i] < 0 ? -x[i] : x[i]) * kSqrtHalf;
    const float t = 1.0f / std::fma(kErfP, z, 1.0f);
    float p = kErfA5;
    p = std::fma(p, t, kErfA4);
    p = std::fma(p, t, kErfA3);
    p = std::fma(p, t, kErfA2);
    p = std::fma(p, t, kErfA1);
    const float erfc = p * t * Exp(-(z * z));
    const float part = 0.5f * x[i] * erfc;
    x[i] = x[i] < 0 ? part : x[i] - part;
  }
}

void SwigluClamped(const float* gate, const float* up, int64_t count, float* out) {
  for (int64_t i = 0; i < count; ++i) {
    const float g = kSwigluLimit < gate[i] ? kSwigluLimit : gate[i];
    float u = kSwigluLimit < up[i] ? kSwigluLimit : up[i];
    u = u < -kSwigluLimit ? -kSwigluLimit : u;
    out[i] = g / (1.0f + Exp(-(kSwigluAlpha * g))) * (u + 1.0f);
  }
}

void AddScaled(float* x, const float* y, float factor, int64_t count) {
  for (int64_t i = 0; i < count; ++i) x[i] = std::fma(factor, y[i], x[i]);
}

int64_t IntegerPeak(int64_t rounds) {
  volatile int8_t a = 1;
  int32_t sums[8] = {};
  for (int64_t i = 0; i < rounds; ++i) {
    const int32_t product = a * a;
    for (int32_t& sum : sums) sum += product;
  }
  volatile int32_t kept = 0;
  for (const int32_t sum : sums) kept = sum;
  static_cast<void>(kept);
  return rounds * 8;
}

int64_t FloatPeak(int64_t rounds) {
  volatile float a = 0.5f;
  float sums[8] = {};
  for (int64_t i = 0; i < rounds; ++i) {
    const float x = a;
    for (float& sum : sums) sum = std::fma(x, x, sum);
  }
  volatile float kept = 0;
  for (const float sum : sums) kept = sum;
  static_cast<void>(kept);
  return rounds * 8;
}

}  // namespace

extern const Kernels kReferenceKernels;
const Kernels kReferenceKernels = {
    "reference",  Quantize,  MatMul,  MatMulFloat,   RmsNorm,   Rope,        SiluMul,
    GeluMul,      Add,       Scale,   SoftCapAll,    StoreKv,   Attend,      Merge,
    MaxAndExpSum, LayerNorm, GeluErf, SwigluClamped, AddScaled, IntegerPeak, FloatPeak};

}  // namespace dure::numerics
