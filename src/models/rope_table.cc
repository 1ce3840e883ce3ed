#include "models/rope_table.h"

#include "numerics/scalar_math.h"

namespace dure::models {

RopeTable::RopeTable(int rotated_dim, double base, double scale,
                     const std::vector<float>& factors) {
  const double log_base = numerics::LogDouble(base);
  for (int i = 0; i < rotated_dim / 2; ++i) {
    double frequency = numerics::ExpDouble(-2.0 * i / rotated_dim * log_base) / scale;
    if (!factors.empty()) frequency /= factors[i];
    frequencies_.push_back(frequency);
  }
}

void RopeTable::Grow(int positions) {
  const size_t half = frequencies_.size();
  int position = static_cast<int>(values_.size() / (2 * half));
  if (position >= positions) return;
  values_.resize(Row(positions));
  for (; position < positions; ++position) {
    float* row = &values_[Row(position)];
    for (size_t i = 0; i < half; ++i) {
      double sine;
      double cosine;
      numerics::SinCosDouble(position * frequencies_[i], &sine, &cosine);
      row[i] = static_cast<float>(cosine);
      row[half + i] = static_cast<float>(sine);
    }
  }
}

}  // namespace dure::models
