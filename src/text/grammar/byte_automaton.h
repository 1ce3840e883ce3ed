// An automaton over bytes whose states are made when they are first reached.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace dure::text {

/// Used by one thread at a time. Every state that is not dead can still be completed.
class ByteAutomaton {
 public:
  static constexpr int32_t kDead = -1;
  virtual ~ByteAutomaton() = default;
  /// kDead where nothing is accepted at all.
  virtual int32_t start() = 0;
  virtual bool Accepts(int32_t state) const = 0;

  int32_t Next(int32_t state, uint8_t byte) {
    const auto row = static_cast<size_t>(state);
    if (rows_.size() <= row) rows_.resize(row + 1);
    if (rows_[row] == nullptr) {
      rows_[row] = std::make_unique<std::array<int32_t, 256>>();
      rows_[row]->fill(kNotYet);
    }
    int32_t next = (*rows_[row])[byte];
    if (next == kNotYet) {
      next = Compute(state, byte);
      (*rows_[row])[byte] = next;
    }
    return next;
  }

 protected:
  virtual int32_t Compute(int32_t state, uint8_t byte) = 0;

 private:
  static constexpr int32_t kNotYet = -2;
  std::vector<std::unique_ptr<std::array<int32_t, 256>>> rows_;
};

}  // namespace dure::text
