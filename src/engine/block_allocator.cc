#include "engine/block_allocator.h"

#include <cassert>

namespace dure::engine {

BlockAllocator::BlockAllocator(int total) : references_(total, 0) {
  free_.reserve(total);
  for (int32_t block = total - 1; block >= 0; --block) free_.push_back(block);
}

std::optional<int32_t> BlockAllocator::Allocate() {
  if (free_.empty()) return std::nullopt;
  const int32_t block = free_.back();
  free_.pop_back();
  references_[block] = 1;
  return block;
}

void BlockAllocator::AddReference(int32_t block) {
  assert(references_[block] > 0);
  ++references_[block];
}

void BlockAllocator::Release(int32_t block) {
  assert(references_[block] > 0);
  if (--references_[block] == 0) free_.push_back(block);
}

}  // namespace dure::engine
