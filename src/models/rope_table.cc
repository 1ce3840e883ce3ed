#include "models/rope_table.h"

#include <utility>

#include "numerics/scalar_math.h"

namespace dure::models {

RopeTable::RopeTable(std::vector<double> frequencies, double magnitude)
    : frequencies_(std::move(frequencies)), magnitude_(magnitude) {}

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
      row[i] = static_cast<float>(cosine * magnitude_);
      row[half + i] = static_cast<float>(sine * magnitude_);
    }
  }
}

}  // namespace dure::models
