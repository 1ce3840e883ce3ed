#include "base/page_arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>
#include <utility>

namespace dure {
namespace {

constexpr size_t kAlignment = 64;

size_t RoundUp(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

std::shared_ptr<uint8_t> ReservePages(size_t bytes) {
  if (bytes > SIZE_MAX / 2) return nullptr;
  const size_t size = RoundUp(std::max<size_t>(bytes, 1), kLargePage);
  // One page more than asked, so that an aligned part is in it; the ends are given back.
  const size_t mapped = size + kLargePage;
  void* memory = mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  auto* start = static_cast<uint8_t*>(memory);
  const size_t skip =
      RoundUp(reinterpret_cast<uintptr_t>(start), kLargePage) - reinterpret_cast<uintptr_t>(start);
  if (skip > 0) munmap(start, skip);
  uint8_t* base = start + skip;
  munmap(base + size, mapped - skip - size);
  try {
    return {base, [size](uint8_t* p) { munmap(p, size); }};
  } catch (const std::bad_alloc&) {
    return nullptr;  // the deleter has run
  }
}

std::shared_ptr<uint8_t> PageArena::Allocate(size_t bytes) {
  if (bytes > SIZE_MAX / 2) return nullptr;
  bytes = RoundUp(bytes, kAlignment);
  if (regions_.empty() || size_ - regions_.back().bytes < bytes) {
    const size_t size = std::max(bytes, region_bytes_);
    std::shared_ptr<uint8_t> memory = ReservePages(size);
    if (memory == nullptr) return nullptr;
    regions_.push_back({std::move(memory), 0});
    size_ = size;
  }
  MemoryRegion& region = regions_.back();
  uint8_t* piece = region.memory.get() + region.bytes;
  region.bytes += bytes;
  return {region.memory, piece};
}

}  // namespace dure
