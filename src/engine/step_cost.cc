#include "engine/step_cost.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace dure::engine {
namespace {

constexpr double kNewest = 0.2;  // weight of the latest observation
// The machine was busy with something else: one such step must not teach much.
constexpr double kMostJump = 3.0;
// What a row is thought to add, as a share of the whole, before it was ever tried: low, so that it
// is tried.
constexpr double kUntriedRow = 0.02;

void Learn(double& estimate, double sample) {
  if (estimate == 0) {
    estimate = sample;
    return;
  }
  estimate += kNewest * (std::min(sample, estimate * kMostJump) - estimate);
}

int SizeOf(int rows) { return std::bit_width(static_cast<unsigned>(rows - 1)); }

}  // namespace

void StepCost::Observe(int decode_rows, int prompt_rows, double ms) {
  if (prompt_rows == 0) {
    const int size = SizeOf(std::max(decode_rows, 1));
    if (size < kSizes) Learn(decode_[static_cast<size_t>(size)], ms);
    return;
  }
  const double rest = ms - (decode_rows > 0 ? DecodeMs(decode_rows) : 0);
  if (rest > 0) Learn(prompt_row_, rest / prompt_rows);
}

double StepCost::DecodeMs(int rows) const {
  const int size = std::min(SizeOf(std::max(rows, 1)), kSizes - 1);
  for (int i = size; i >= 0; --i) {
    const double known = decode_[static_cast<size_t>(i)];
    if (known > 0) return known * (1 + kUntriedRow * ((1 << size) - (1 << i)));
  }
  for (int i = size + 1; i < kSizes; ++i) {
    if (decode_[static_cast<size_t>(i)] > 0) return decode_[static_cast<size_t>(i)];
  }
  return 0;
}

int StepCost::PromptRowsWithin(double budget_ms, int decode_rows) const {
  if (prompt_row_ == 0) return -1;
  const double left = budget_ms - (decode_rows > 0 ? DecodeMs(decode_rows) : 0);
  const double rows = std::max(left, 0.0) / prompt_row_;
  return static_cast<int>(std::min(rows, 1e6));
}

}  // namespace dure::engine
