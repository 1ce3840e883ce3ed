// Elementary functions with one fixed order of operations (docs/numerics.md, "Functions"). No libm.
#pragma once

namespace dure::numerics {

/// e^x in float32. Below -86: +0. Above 88: +infinity. NaN stays NaN.
float Exp(float x);
/// Natural logarithm; -infinity for 0, NaN for negatives.
float Log(float x);

// In float64, for tables that are made once.
double ExpDouble(double x);
double LogDouble(double x);
/// |x| below 2^22.
void SinCosDouble(double x, double* sine, double* cosine);

}  // namespace dure::numerics
