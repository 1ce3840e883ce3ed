#include "base/page_arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

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
  madvise(base, size, MADV_HUGEPAGE);
  try {
    return {base, [size](uint8_t* p) { munmap(p, size); }};
  } catch (const std::bad_alloc&) {
    return nullptr;  // the deleter has run
  }
}

std::shared_ptr<uint8_t> PageArena::Allocate(size_t bytes) {
  if (bytes > SIZE_MAX / 2) return nullptr;
  bytes = RoundUp(bytes, kAlignment);
  if (region_ == nullptr || size_ - used_ < bytes) {
    const size_t size = std::max(bytes, region_bytes_);
    std::shared_ptr<uint8_t> region = ReservePages(size);
    if (region == nullptr) return nullptr;
    region_ = std::move(region);
    size_ = size;
    used_ = 0;
  }
  uint8_t* piece = region_.get() + used_;
  used_ += bytes;
  return {region_, piece};
}

}  // namespace dure
