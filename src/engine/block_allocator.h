// Which blocks of the KV cache are in use, and by how many sequences.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace dure::engine {

/// Hands out block numbers [0, total) with reference counts. The lowest free number is not
/// promised. Used by one thread.
class BlockAllocator {
 public:
  explicit BlockAllocator(int total);

  /// A block with one reference, or nothing when all are taken.
  std::optional<int32_t> Allocate();
  /// One more user of a block that is taken.
  void AddReference(int32_t block);
  /// One user less; the last one gives the block back.
  void Release(int32_t block);

  int references(int32_t block) const { return references_[static_cast<size_t>(block)]; }
  int total() const { return static_cast<int>(references_.size()); }
  int available() const { return static_cast<int>(free_.size()); }
  int used() const { return total() - available(); }

 private:
  std::vector<int32_t> references_;  // [total]
  std::vector<int32_t> free_;        // a stack: blocks used last are warm in the caches
};

}  // namespace dure::engine
