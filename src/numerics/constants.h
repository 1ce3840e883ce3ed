// Constants of the contract that scalar and vector code share. Compile-time data only.
#pragma once

#include <cstdint>

namespace dure::numerics {

// exp: range reduction x = n ln2 + r with n rounded to nearest even, then a polynomial of degree 7
// in r. The coefficients are those of the Cephes library's expf.
inline constexpr float kExpLow = -86.0f;
inline constexpr float kExpHigh = 88.0f;
inline constexpr float kLog2E = 1.44269504088896341f;
inline constexpr float kRoundMagic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
inline constexpr float kLn2High = 0.693359375f;
inline constexpr float kLn2Low = -2.12194440e-4f;
inline constexpr float kExpC0 = 1.9875691500e-4f;
inline constexpr float kExpC1 = 1.3981999507e-3f;
inline constexpr float kExpC2 = 8.3334519073e-3f;
inline constexpr float kExpC3 = 4.1665795894e-2f;
inline constexpr float kExpC4 = 1.6666665459e-1f;
inline constexpr float kExpC5 = 5.0000001201e-1f;

// gelu (tanh form): u = x * (kGeluA x^2 + kGeluB), gelu = x - x / (exp(2u) + 1).
inline constexpr float kGeluA = 0.0356774081363001f;  // sqrt(2/pi) * 0.044715
inline constexpr float kGeluB = 0.7978845608028654f;  // sqrt(2/pi)

// gelu (erf form): erfc(z) for z >= 0 after Abramowitz and Stegun, 7.1.26: a polynomial in 1 / (1 +
// p z) times exp(-z^2), off by at most 1.5e-7.
inline constexpr float kErfP = 0.3275911f;
inline constexpr float kErfA1 = 0.254829592f;
inline constexpr float kErfA2 = -0.284496736f;
inline constexpr float kErfA3 = 1.421413741f;
inline constexpr float kErfA4 = -1.453152027f;
inline constexpr float kErfA5 = 1.061405429f;
inline constexpr float kSqrtHalf = 0.70710678118654752f;

// The clamped SwiGLU of gpt-oss.
inline constexpr float kSwigluAlpha = 1.702f;
inline constexpr float kSwigluLimit = 7.0f;

// Below this absolute maximum a block of activations counts as zeros: its inverse scale would
// overflow.
inline constexpr float kSmallestAbsMax = 0x1p-100f;

inline constexpr float kLargestHalf = 65504.0f;

// Positions in one chunk of attention.
inline constexpr int kAttentionChunk = 128;
// Positions in one block of the KV cache.
inline constexpr int kKvBlock = 32;

}  // namespace dure::numerics
