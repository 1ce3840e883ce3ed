// Quantisation of activations, norms, rope, activation functions: every instruction set against the
// reference.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "numerics/scalar_math.h"
#include "tests/numerics/random_data.h"
#include "tests/numerics/same_bits.h"

namespace dure::numerics {
namespace {

using testing::ExpectSameBits;
using testing::FastKernels;
using testing::Quantized;
using testing::RandomFloats;

constexpr float kHostile[] = {0.0f,   -0.0f,  1e-45f,  -1e-40f, 1e-38f, 1e-31f,
                              1e30f,  -3e38f, 127.5f,  -127.5f, 0.5f,   1.5f,
                              -86.0f, 88.0f,  -86.01f, 88.01f,  1e-7f,  42.0f};

const Kernels& Reference() { return *KernelsFor(Isa::kReference); }

TEST(Quantize, SameBitsEverywhereAndHostileValues) {
  std::mt19937 rng(1);
  for (const int block : {32, 256}) {
    const int64_t rows = 9;
    const int64_t cols = 512;
    auto x = RandomFloats(rows * cols, rng, 10);
    for (size_t i = 0; i < std::size(kHostile); ++i)
      x[cols * (1 + i % 4) + 32 * (i % 16)] = kHostile[i];
    for (int64_t k = 0; k < 256; ++k) x[5 * cols + k] = k % 3 == 0 ? 1e-35f : 0.0f;
    x[6 * cols + 5] = std::numeric_limits<float>::infinity();
    x[7 * cols + 300] = std::numeric_limits<float>::quiet_NaN();
    Quantized expected(rows, cols, block);
    Reference().quantize(x.data(), cols, 0, rows, &expected.view);
    for (const Kernels* kernels : FastKernels()) {
      Quantized actual(rows, cols, block);
      kernels->quantize(x.data(), cols, 0, rows, &actual.view);
      EXPECT_EQ(expected.codes, actual.codes) << kernels->name;
      EXPECT_EQ(expected.sums, actual.sums) << kernels->name;
      ExpectSameBits(expected.scales, actual.scales, kernels->name);
      if (block == 32) ExpectSameBits(expected.scaled_sums, actual.scaled_sums, kernels->name);
    }
    EXPECT_TRUE(std::isnan(expected.scales[6 * cols / block]));
  }
}

TEST(Quantize, RoundsToNearestEvenAndKeepsTheMaximum) {
  std::vector<float> x(32, 0.0f);
  x[0] = 127.0f;
  x[1] = 0.5f;
  x[2] = 1.5f;
  x[3] = -127.0f;
  Quantized q(1, 32, 32);
  Reference().quantize(x.data(), 32, 0, 1, &q.view);
  EXPECT_EQ(q.codes[0], 127);
  EXPECT_EQ(q.codes[1], 0);
  EXPECT_EQ(q.codes[2], 2);
  EXPECT_EQ(q.codes[3], -127);
  EXPECT_EQ(q.scales[0], 1.0f);
  EXPECT_EQ(q.sums[0], 2);
}

struct Elementwise {
  const char* name;
  void (*run)(const Kernels&, std::vector<float>&, const std::vector<float>&);
};

const Elementwise kElementwise[] = {
    {"silu",
     [](const Kernels& k, std::vector<float>& x, const std::vector<float>& y) {
       k.silu_mul(x.data(), y.data(), x.size(), x.data());
     }},
    {"gelu",
     [](const Kernels& k, std::vector<float>& x, const std::vector<float>& y) {
       k.gelu_mul(x.data(), y.data(), x.size(), x.data());
     }},
    {"add", [](const Kernels& k, std::vector<float>& x,
               const std::vector<float>& y) { k.add(x.data(), y.data(), x.size()); }},
    {"scale", [](const Kernels& k, std::vector<float>& x,
                 const std::vector<float>&) { k.scale(x.data(), 0.3f, x.size()); }},
    {"soft cap", [](const Kernels& k, std::vector<float>& x,
                    const std::vector<float>&) { k.soft_cap(x.data(), 30.0f, x.size()); }},
    {"norm",
     [](const Kernels& k, std::vector<float>& x, const std::vector<float>& y) {
       for (float& f : x) f = std::fmod(f, 100.0f);
       k.rms_norm(x.data(), y.data(), x.size(), 1e-5f, x.data());
     }},
    {"layer norm",
     [](const Kernels& k, std::vector<float>& x, const std::vector<float>& y) {
       for (float& f : x) f = std::fmod(f, 100.0f);
       const std::vector<float> bias(y.rbegin(), y.rend());
       k.layer_norm(x.data(), y.data(), bias.data(), x.size(), 1e-5f, x.data());
     }},
    {"gelu erf", [](const Kernels& k, std::vector<float>& x,
                    const std::vector<float>&) { k.gelu_erf(x.data(), x.size()); }},
    {"clamped swiglu",
     [](const Kernels& k, std::vector<float>& x, const std::vector<float>& y) {
       k.swiglu_clamped(x.data(), y.data(), x.size(), x.data());
     }},
    {"clamped swiglu, hostile up",
     [](const Kernels& k, std::vector<float>& x, const std::vector<float>& y) {
       k.swiglu_clamped(y.data(), x.data(), x.size(), x.data());
     }},
    {"add scaled",
     [](const Kernels& k, std::vector<float>& x, const std::vector<float>& y) {
       k.add_scaled(x.data(), y.data(), 0.7f, x.size());
     }},
};

TEST(ElementwiseKernels, SameBitsEverywhere) {
  std::mt19937 rng(2);
  for (const int64_t count : {1, 15, 16, 17, 64, 577}) {
    auto a = RandomFloats(count, rng, 20);
    const auto b = RandomFloats(count, rng, 2);
    for (int64_t i = 0; i < count && i < 18; ++i) a[i] = kHostile[i];
    for (const Elementwise& kernel : kElementwise) {
      auto expected = a;
      kernel.run(Reference(), expected, b);
      for (const Kernels* kernels : FastKernels()) {
        auto actual = a;
        kernel.run(*kernels, actual, b);
        ExpectSameBits(expected, actual, kernel.name);
      }
    }
  }
}

TEST(ElementwiseKernels, AreCloseToTheFormula) {
  std::mt19937 rng(3);
  const auto x = RandomFloats(500, rng, 5);
  const std::vector<float> ones(500, 1.0f);
  auto silu = x;
  auto gelu = x;
  Reference().silu_mul(x.data(), ones.data(), 500, silu.data());
  Reference().gelu_mul(x.data(), ones.data(), 500, gelu.data());
  for (int i = 0; i < 500; ++i) {
    const double v = x[i];
    EXPECT_NEAR(silu[i], v / (1 + std::exp(-v)), 1e-6 * (1 + std::abs(v)));
    const double u = std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v);
    EXPECT_NEAR(gelu[i], 0.5 * v * (1 + std::tanh(u)), 2e-6 * (1 + std::abs(v)));
  }
}

TEST(ElementwiseKernels, NormsAndGatesAreCloseToTheFormula) {
  std::mt19937 rng(7);
  const int n = 333;
  const auto x = RandomFloats(n, rng, 5);
  const auto weight = RandomFloats(n, rng, 1);
  const auto bias = RandomFloats(n, rng, 1);
  std::vector<float> norm(n);
  std::vector<float> swiglu(n);
  auto gelu = x;
  Reference().layer_norm(x.data(), weight.data(), bias.data(), n, 1e-5f, norm.data());
  Reference().gelu_erf(gelu.data(), n);
  Reference().swiglu_clamped(x.data(), weight.data(), n, swiglu.data());
  double mean = 0;
  double variance = 0;
  for (const double v : x) mean += v / n;
  for (const double v : x) variance += (v - mean) * (v - mean) / n;
  for (int i = 0; i < n; ++i) {
    const double v = x[i];
    const double expected = (v - mean) / std::sqrt(variance + 1e-5) * weight[i] + bias[i];
    EXPECT_NEAR(norm[i], expected, 1e-5);
    EXPECT_NEAR(gelu[i], 0.5 * v * (1 + std::erf(v / std::sqrt(2.0))), 1e-6 * (1 + std::abs(v)));
    const double gate = std::min(v, 7.0);
    const double up = std::clamp<double>(weight[i], -7.0, 7.0);
    EXPECT_NEAR(swiglu[i], gate / (1 + std::exp(-1.702 * gate)) * (up + 1),
                1e-5 * (1 + std::abs(gate)));
  }
}

TEST(Functions, ExpIsAccurateAndHasItsEdges) {
  for (double x = -85.9; x < 87.9; x += 0.0137) {
    const auto f = static_cast<float>(x);
    EXPECT_NEAR(Exp(f) / std::exp(static_cast<double>(f)), 1.0, 2e-7) << x;
  }
  EXPECT_EQ(Exp(-86.5f), 0.0f);
  EXPECT_EQ(Exp(-std::numeric_limits<float>::infinity()), 0.0f);
  EXPECT_TRUE(std::isinf(Exp(89.0f)));
  EXPECT_TRUE(std::isnan(Exp(std::numeric_limits<float>::quiet_NaN())));
  EXPECT_EQ(Exp(0.0f), 1.0f);
}

TEST(Functions, TableFunctionsAreAccurate) {
  for (double x = 1e-30; x < 1e30; x *= 1.37) {
    EXPECT_NEAR(LogDouble(x), std::log(x), 1e-14 * (1 + std::abs(std::log(x))));
  }
  EXPECT_EQ(Log(1.0f), 0.0f);
  EXPECT_TRUE(std::isinf(Log(0.0f)));
  for (double x = -3; x < 200000; x += 1.0 + x * 0.01) {
    double s = 0;
    double c = 0;
    SinCosDouble(x, &s, &c);
    EXPECT_NEAR(s, std::sin(x), 1e-11);
    EXPECT_NEAR(c, std::cos(x), 1e-11);
  }
  for (double x = -50; x < 50; x += 0.37) EXPECT_NEAR(ExpDouble(x) / std::exp(x), 1.0, 1e-14);
}

TEST(Half, ConversionsRoundTrip) {
  for (uint32_t h = 0; h < 0x10000; ++h) {
    const float f = HalfToFloat(static_cast<uint16_t>(h));
    if (std::isnan(f)) continue;
    ASSERT_EQ(FloatToHalf(f), h);
  }
}

TEST(Rope, SameBitsEverywhere) {
  std::mt19937 rng(5);
  for (const int64_t half : {4, 16, 32, 40, 128}) {
    const auto x = RandomFloats(2 * half, rng);
    const auto c = RandomFloats(half, rng);
    const auto s = RandomFloats(half, rng);
    auto expected = x;
    Reference().rope(expected.data(), half, c.data(), s.data());
    for (const Kernels* kernels : FastKernels()) {
      auto actual = x;
      kernels->rope(actual.data(), half, c.data(), s.data());
      ExpectSameBits(expected, actual, kernels->name);
    }
  }
}

TEST(MaxAndExpSum, SameBitsEverywhere) {
  std::mt19937 rng(6);
  for (const int64_t count : {1, 16, 100, 4099}) {
    const auto x = RandomFloats(count, rng, 8);
    std::vector<float> expected(2);
    Reference().max_and_exp_sum(x.data(), count, &expected[0], &expected[1]);
    for (const Kernels* kernels : FastKernels()) {
      std::vector<float> actual(2);
      kernels->max_and_exp_sum(x.data(), count, &actual[0], &actual[1]);
      ExpectSameBits(expected, actual, kernels->name);
    }
  }
}

}  // namespace
}  // namespace dure::numerics
