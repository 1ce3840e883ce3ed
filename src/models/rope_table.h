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
  /// frequency[i] = base^(-2i / rotated_dim) / factors[i] / scale. factors may be empty (all 1).
  RopeTable(int rotated_dim, double base, double scale, const std::vector<float>& factors);

  /// Makes rows for positions [0, positions).
  void Grow(int positions);

  int half() const { return static_cast<int>(frequencies_.size()); }
  const float* Cosines(int position) const { return &values_[Row(position)]; }
  const float* Sines(int position) const { return &values_[Row(position) + frequencies_.size()]; }

 private:
  size_t Row(int position) const { return static_cast<size_t>(position) * 2 * frequencies_.size(); }

  std::vector<double> frequencies_;
  std::vector<float> values_;  // [positions][cosines, sines][half]
};

}  // namespace dure::models
