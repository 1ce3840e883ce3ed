// Rotary position embedding (Su et al., 2021, arXiv:2104.09864): cosines and sines of position *
// frequency, made once per position by the contract's own functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dure::models {

/// Not thread-safe while growing; reading rows below size() from many threads is.
class RopeTable {
 public:
  /// frequencies: radians a position, one for each rotated pair. Cosines and sines are multiplied
  /// by `magnitude`.
  explicit RopeTable(std::vector<double> frequencies, double magnitude = 1);

  /// Makes rows for positions [0, positions).
  void Grow(int positions);

  int half() const { return static_cast<int>(frequencies_.size()); }
  const float* Cosines(int position) const { return &values_[Row(position)]; }
  const float* Sines(int position) const { return &values_[Row(position) + frequencies_.size()]; }

 private:
  size_t Row(int position) const { return static_cast<size_t>(position) * 2 * frequencies_.size(); }

  std::vector<double> frequencies_;
  double magnitude_;
  std::vector<float> values_;  // [positions][cosines, sines][half]
};

}  // namespace dure::models
