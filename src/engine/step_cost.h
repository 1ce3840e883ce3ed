// What a step will take, learnt from the steps before. Times come in as values: no clock here.
#pragma once

#include <array>

namespace dure::engine {

/// Running estimates. A row that wants logits (decoding, or a draft token) costs more than a row of
/// a prompt, and many rows together cost less than each alone. Nothing that is computed depends on
/// these numbers, only when.
class StepCost {
 public:
  /// A step of so many rows took `ms` milliseconds.
  void Observe(int decode_rows, int prompt_rows, double ms);

  /// A step of so many rows that want logits, in ms; 0: nothing is known yet. Row counts between
  /// powers of two count as the next power.
  double DecodeMs(int rows) const;
  /// One more prompt row in a step, in ms; 0: not known yet.
  double PromptRowMs() const { return prompt_row_; }

  /// How many prompt rows fit beside `decode_rows` into a step of `budget_ms`; -1: not known yet.
  int PromptRowsWithin(double budget_ms, int decode_rows) const;

 private:
  static constexpr int kSizes = 11;      // 1, 2, 4 ... 1024 rows
  std::array<double, kSizes> decode_{};  // [i]: of 2^i rows; 0: not known
  double prompt_row_ = 0;
};

}  // namespace dure::engine
