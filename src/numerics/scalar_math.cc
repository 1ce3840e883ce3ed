#include "numerics/scalar_math.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "numerics/constants.h"

namespace dure::numerics {

float Exp(float x) {
  if (!(x >= kExpLow)) return x < kExpLow ? 0.0f : x;
  if (x > kExpHigh) return std::numeric_limits<float>::infinity();
  const float shifted = std::fma(x, kLog2E, kRoundMagic);
  const float n = shifted - kRoundMagic;
  float r = std::fma(n, -kLn2High, x);
  r = std::fma(n, -kLn2Low, r);
  float p = kExpC0;
  p = std::fma(p, r, kExpC1);
  p = std::fma(p, r, kExpC2);
  p = std::fma(p, r, kExpC3);
  p = std::fma(p, r, kExpC4);
  p = std::fma(p, r, kExpC5);
  const float y = std::fma(p, r * r, r) + 1.0f;
  const int32_t exponent = static_cast<int32_t>(n);
  return std::bit_cast<float>(std::bit_cast<int32_t>(y) + (exponent << 23));
}

float Log(float x) { return static_cast<float>(LogDouble(static_cast<double>(x))); }

double LogDouble(double x) {
  if (std::isnan(x) || x < 0) return std::numeric_limits<double>::quiet_NaN();
  if (x == 0) return -std::numeric_limits<double>::infinity();
  if (std::isinf(x)) return x;
  int exponent = 0;
  if (x < 0x1p-1022) {
    x *= 0x1p54;
    exponent = -54;
  }
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  exponent += static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0xfffffffffffffull) | 0x3ff0000000000000ull);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  // log(m) = 2 atanh(s), s = (m-1)/(m+1), |s| <= 0.1716: the series to s^23.
  const double s = (m - 1.0) / (m + 1.0);
  const double z = s * s;
  double sum = 0;
  for (int k = 23; k >= 3; k -= 2) sum = (sum + 1.0 / k) * z;
  const double log_m = 2.0 * s * (sum + 1.0);
  return static_cast<double>(exponent) * 0.693147180559945309417 + log_m;
}

double ExpDouble(double x) {
  if (std::isnan(x)) return x;
  if (x < -700) return 0;
  if (x > 700) return std::numeric_limits<double>::infinity();
  const double shifted = x * 1.4426950408889634 + 0x1.8p52;
  const double n = shifted - 0x1.8p52;
  const double r = (x - n * 0x1.62e42feep-1) - n * 1.90821492927058770002e-10;
  double sum = 1.0;
  for (int k = 14; k >= 1; --k) sum = 1.0 + sum * r / k;
  return sum * std::bit_cast<double>(static_cast<uint64_t>(static_cast<int64_t>(n) + 1023) << 52);
}

void SinCosDouble(double x, double* sine, double* cosine) {
  // Reduction by pi/2 in three parts of 33 bits each (Cody and Waite), then Taylor series on |r| <=
  // pi/4.
  const double shifted = x * 0.63661977236758134308 + 0x1.8p52;
  const double n = shifted - 0x1.8p52;
  double r = x - n * 1.57079632673412561417e+00;
  r -= n * 6.07710050630396597660e-11;
  r -= n * 2.02226624871116645580e-21;
  const double z = r * r;
  double s = 1.0;
  for (int k = 20; k >= 2; k -= 2) s = 1.0 - s * z / (k * (k + 1));
  s *= r;
  double c = 1.0;
  for (int k = 21; k >= 1; k -= 2) c = 1.0 - c * z / (k * (k + 1));
  switch (static_cast<int64_t>(n) & 3) {
    case 0:
      *sine = s;
      *cosine = c;
      return;
    case 1:
      *sine = c;
      *cosine = -s;
      return;
    case 2:
      *sine = -s;
      *cosine = -c;
      return;
    default:
      *sine = -c;
      *cosine = s;
      return;
  }
}

}  // namespace dure::numerics
