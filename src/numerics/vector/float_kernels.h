// Float kernels over vectors of 16 lanes, compiled once per instruction set. The including file
// defines, in its own unnamed namespace and before this include, the types V16 (16 float32) and I16
// (16 int32), and the operations used below.
// Order of operations: docs/numerics.md; reference/kernels.cc is the specification.
// No include guard: there is one inclusion per translation unit, and nothing here may have external
// linkage. NOLINTBEGIN(llvm-header-guard)

namespace {

constexpr float kInfinity = __builtin_inff();

V16 ExpV(V16 x) {
  const V16 shifted = Fma(x, Set(kLog2E), Set(kRoundMagic));
  const V16 n = Sub(shifted, Set(kRoundMagic));
  V16 r = Fma(n, Set(-kLn2High), x);
  r = Fma(n, Set(-kLn2Low), r);
  V16 p = Set(kExpC0);
  p = Fma(p, r, Set(kExpC1));
  p = Fma(p, r, Set(kExpC2));
  p = Fma(p, r, Set(kExpC3));
  p = Fma(p, r, Set(kExpC4));
  p = Fma(p, r, Set(kExpC5));
  V16 y = Add(Fma(p, Mul(r, r), r), Set(1.0f));
  y = TimesPowerOfTwo(y, n);
  y = SelectLess(x, Set(kExpLow), Zero(), y);
  return SelectLess(Set(kExpHigh), x, Set(kInfinity), y);
}

float ExpOne(float x) { return First(ExpV(Set(x))); }

V16 SoftCapV(V16 x, float cap) {
  const V16 t = ExpV(Mul(Set(2.0f), Div(x, Set(cap))));
  const V16 tanh = Sub(Set(1.0f), Div(Set(2.0f), Add(t, Set(1.0f))));
  return Mul(Set(cap), tanh);
}

/// Applies `f` to x[0, count) in vectors of 16, the last one partial.
template <typename F>
void ForVectors(int64_t count, F f) {
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) f(i, 16);
  if (i < count) f(i, static_cast<int>(count - i));
}

void QuantizeBlock(const float* x, int count, int8_t* codes, float* scale) {
  I16 max_bits = AbsBits(Load(x));
  for (int i = 16; i < count; i += 16) max_bits = MaxI(max_bits, AbsBits(Load(x + i)));
  const int32_t bits = FoldMaxI(max_bits);
  const float absmax = __builtin_bit_cast(float, bits);
  if (bits >= 0x7f800000 || absmax < kSmallestAbsMax) {
    for (int i = 0; i < count; ++i) codes[i] = 0;
    *scale = bits >= 0x7f800000 ? __builtin_bit_cast(float, 0x7fc00000) : 0.0f;
    return;
  }
  *scale = absmax / 127.0f;
  const V16 inverse = Set(127.0f / absmax);
  for (int i = 0; i < count; i += 16) StoreCodes(codes + i, RoundToInt(Mul(Load(x + i), inverse)));
}

void Quantize(const float* x, int64_t stride, int64_t row_begin, int64_t row_end,
              const QuantizedRows* out) {
  const int64_t blocks = out->cols / out->block;
  const int sum_width = out->block == 32 ? 32 : 16;
  const int64_t sums = out->cols / sum_width;
  for (int64_t row = row_begin; row < row_end; ++row) {
    int8_t* codes = out->codes + row * out->cols;
    float* scales = out->scales + row * blocks;
    for (int64_t b = 0; b < blocks; ++b) {
      QuantizeBlock(x + row * stride + b * out->block, out->block, codes + b * out->block,
                    scales + b);
    }
    for (int64_t i = 0; i < sums; ++i) {
      int32_t sum = SumCodes16(codes + i * sum_width);
      if (sum_width == 32) sum += SumCodes16(codes + i * sum_width + 16);
      out->sums[row * sums + i] = sum;
      if (out->block == 32) {
        out->scaled_sums[row * sums + i] = scales[i] * static_cast<float>(sum);
      }
    }
  }
}

template <BlockType kType>
V16 LoadWeights(const uint8_t* p) {
  if constexpr (kType == BlockType::kF32) return Load(reinterpret_cast<const float*>(p));
  if constexpr (kType == BlockType::kF16) return LoadHalf(reinterpret_cast<const uint16_t*>(p));
  if constexpr (kType == BlockType::kBF16) return LoadBf16(reinterpret_cast<const uint16_t*>(p));
}

template <BlockType kType, int kGroups, int kRows>
void FloatTile(const PackedView* w, const float* x, int64_t stride, int64_t row, int64_t group,
               const ProductOut* out) {
  constexpr int kStep = kType == BlockType::kF32 ? 64 : 32;
  const uint8_t* data = w->data + group * w->group_bytes;
  V16 acc[kGroups][kRows];
  for (int g = 0; g < kGroups; ++g) {
    for (int t = 0; t < kRows; ++t) acc[g][t] = Zero();
  }
  for (int64_t k = 0; k < w->cols; ++k) {
    for (int g = 0; g < kGroups; ++g) {
      const V16 weights = LoadWeights<kType>(data + g * w->group_bytes + k * kStep);
      for (int t = 0; t < kRows; ++t) {
        acc[g][t] = Fma(weights, Set(x[(row + t) * stride + k]), acc[g][t]);
      }
    }
  }
  for (int g = 0; g < kGroups; ++g) {
    for (int t = 0; t < kRows; ++t) Emit(w, out, row + t, group + g, acc[g][t]);
  }
}

template <BlockType kType>
void MatMulFloatOf(const PackedView* w, const float* x, int64_t stride, int64_t row_begin,
                   int64_t row_end, int64_t group_begin, int64_t group_end, const ProductOut* out) {
  int64_t group = group_begin;
  for (; group + 2 <= group_end; group += 2) {
    int64_t row = row_begin;
    for (; row + 2 <= row_end; row += 2) FloatTile<kType, 2, 2>(w, x, stride, row, group, out);
    for (; row < row_end; ++row) FloatTile<kType, 2, 1>(w, x, stride, row, group, out);
  }
  for (; group < group_end; ++group) {
    for (int64_t row = row_begin; row < row_end; ++row) {
      FloatTile<kType, 1, 1>(w, x, stride, row, group, out);
    }
  }
}

void MatMulFloat(const PackedView* w, const float* x, int64_t stride, int64_t row_begin,
                 int64_t row_end, int64_t group_begin, int64_t group_end, const ProductOut* out) {
  switch (w->type) {
    case BlockType::kF32:
      return MatMulFloatOf<BlockType::kF32>(w, x, stride, row_begin, row_end, group_begin,
                                            group_end, out);
    case BlockType::kF16:
      return MatMulFloatOf<BlockType::kF16>(w, x, stride, row_begin, row_end, group_begin,
                                            group_end, out);
    default:
      return MatMulFloatOf<BlockType::kBF16>(w, x, stride, row_begin, row_end, group_begin,
                                             group_end, out);
  }
}

void RmsNorm(const float* x, const float* weight, int64_t cols, float epsilon, float* y) {
  V16 squares = Zero();
  ForVectors(cols, [&](int64_t i, int n) {
    const V16 v = LoadN(x + i, n);
    squares = Fma(v, v, squares);  // lanes past the end add +0
  });
  const float mean = FoldSum(squares) / static_cast<float>(cols);
  const V16 factor = Set(1.0f / __builtin_sqrtf(mean + epsilon));
  ForVectors(cols, [&](int64_t i, int n) {
    StoreN(y + i, Mul(Mul(LoadN(x + i, n), factor), LoadN(weight + i, n)), n);
  });
}

void Rope(float* x, int64_t half, const float* cosine, const float* sine) {
  ForVectors(half, [&](int64_t i, int n) {
    const V16 a = LoadN(x + i, n);
    const V16 b = LoadN(x + i + half, n);
    const V16 c = LoadN(cosine + i, n);
    const V16 s = LoadN(sine + i, n);
    StoreN(x + i, Fma(a, c, Negate(Mul(b, s))), n);
    StoreN(x + i + half, Fma(a, s, Mul(b, c)), n);
  });
}

void SiluMul(const float* gate, const float* up, int64_t count, float* out) {
  ForVectors(count, [&](int64_t i, int n) {
    const V16 g = LoadN(gate + i, n);
    const V16 s = Div(g, Add(Set(1.0f), ExpV(Negate(g))));
    StoreN(out + i, Mul(s, LoadN(up + i, n)), n);
  });
}

void GeluMul(const float* gate, const float* up, int64_t count, float* out) {
  ForVectors(count, [&](int64_t i, int n) {
    const V16 x = LoadN(gate + i, n);
    const V16 u = Mul(x, Fma(Set(kGeluA), Mul(x, x), Set(kGeluB)));
    const V16 t = Add(ExpV(Mul(Set(2.0f), u)), Set(1.0f));
    StoreN(out + i, Mul(Sub(x, Div(x, t)), LoadN(up + i, n)), n);
  });
}

void AddTo(float* x, const float* y, int64_t count) {
  ForVectors(count,
             [&](int64_t i, int n) { StoreN(x + i, Add(LoadN(x + i, n), LoadN(y + i, n)), n); });
}

void ScaleBy(float* x, float factor, int64_t count) {
  const V16 f = Set(factor);
  ForVectors(count, [&](int64_t i, int n) { StoreN(x + i, Mul(LoadN(x + i, n), f), n); });
}

void SoftCapAll(float* x, float cap, int64_t count) {
  ForVectors(count, [&](int64_t i, int n) { StoreN(x + i, SoftCapV(LoadN(x + i, n), cap), n); });
}

void MaxAndExpSum(const float* x, int64_t count, float* max, float* sum) {
  V16 largest = Set(-kInfinity);
  ForVectors(count, [&](int64_t i, int n) {
    const V16 v = n == 16 ? Load(x + i) : KeepLanes(LoadN(x + i, n), 0, n, -kInfinity);
    largest = MaxIgnoringNaN(v, largest);
  });
  *max = FoldMax(largest);
  const V16 m = Set(*max);
  V16 total = Zero();
  ForVectors(count, [&](int64_t i, int n) {
    const V16 e = ExpV(Sub(LoadN(x + i, n), m));
    total = Add(total, n == 16 ? e : KeepLanes(e, 0, n, 0.0f));
  });
  *sum = FoldSum(total);
}

void LayerNorm(const float* x, const float* weight, const float* bias, int64_t cols, float epsilon,
               float* y) {
  V16 sums = Zero();
  ForVectors(cols, [&](int64_t i, int n) { sums = Add(sums, LoadN(x + i, n)); });
  const V16 mean = Set(FoldSum(sums) / static_cast<float>(cols));
  V16 squares = Zero();
  ForVectors(cols, [&](int64_t i, int n) {
    const V16 d = KeepLanes(Sub(LoadN(x + i, n), mean), 0, n, 0.0f);
    squares = Fma(d, d, squares);
  });
  const float variance = FoldSum(squares) / static_cast<float>(cols);
  const V16 factor = Set(1.0f / __builtin_sqrtf(variance + epsilon));
  ForVectors(cols, [&](int64_t i, int n) {
    const V16 normed = Mul(Sub(LoadN(x + i, n), mean), factor);
    StoreN(y + i, Fma(normed, LoadN(weight + i, n), LoadN(bias + i, n)), n);
  });
}

void GeluErf(float* x, int64_t count) {
  ForVectors(count, [&](int64_t i, int n) {
    const V16 v = LoadN(x + i, n);
    const V16 z = Mul(SelectLess(v, Zero(), Negate(v), v), Set(kSqrtHalf));
    const V16 t = Div(Set(1.0f), Fma(Set(kErfP), z, Set(1.0f)));
    V16 p = Set(kErfA5);
    p = Fma(p, t, Set(kErfA4));
    p = Fma(p, t, Set(kErfA3));
    p = Fma(p, t, Set(kErfA2));
    p = Fma(p, t, Set(kErfA1));
    const V16 erfc = Mul(Mul(p, t), ExpV(Negate(Mul(z, z))));
    const V16 part = Mul(Mul(Set(0.5f), v), erfc);
    StoreN(x + i, SelectLess(v, Zero(), part, Sub(v, part)), n);
  });
}

void SwigluClamped(const float* gate, const float* up, int64_t count, float* out) {
  const V16 high = Set(kSwigluLimit);
  const V16 low = Set(-kSwigluLimit);
  ForVectors(count, [&](int64_t i, int n) {
    const V16 loaded_gate = LoadN(gate + i, n);
    const V16 loaded_up = LoadN(up + i, n);
    const V16 g = SelectLess(high, loaded_gate, high, loaded_gate);
    const V16 below = SelectLess(high, loaded_up, high, loaded_up);
    const V16 u = SelectLess(below, low, low, below);
    const V16 s = Div(g, Add(Set(1.0f), ExpV(Negate(Mul(Set(kSwigluAlpha), g)))));
    StoreN(out + i, Mul(s, Add(u, Set(1.0f))), n);
  });
}

void AddScaled(float* x, const float* y, float factor, int64_t count) {
  const V16 f = Set(factor);
  ForVectors(count,
             [&](int64_t i, int n) { StoreN(x + i, Fma(f, LoadN(y + i, n), LoadN(x + i, n)), n); });
}

}  // namespace
// NOLINTEND(llvm-header-guard)
