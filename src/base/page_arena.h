// Memory that is taken once and kept: weights, caches. It comes from regions that the kernel may
// back with large pages, so that walking through it costs few address translations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace dure {

/// Bytes of a large page on x86-64.
inline constexpr size_t kLargePage = size_t{2} << 20;

/// Zeroed address space, aligned to kLargePage, backed by memory when touched. Large pages are
/// asked for; where the kernel has none, ordinary ones serve. nullptr when there is no room.
std::shared_ptr<uint8_t> ReservePages(size_t bytes);

/// Memory in use from the region's start on.
struct MemoryRegion {
  std::shared_ptr<uint8_t> memory;
  size_t bytes = 0;
};

/// Hands out pieces of regions, one after the other. A piece keeps its region alive. Used by one
/// thread at a time.
class PageArena {
 public:
  /// Regions have at least `region_bytes`; best is what all pieces will take together.
  explicit PageArena(size_t region_bytes = kLargePage) : region_bytes_(region_bytes) {}

  /// `bytes` zeroed bytes, aligned to 64; nullptr when there is no room.
  std::shared_ptr<uint8_t> Allocate(size_t bytes);
  const std::vector<MemoryRegion>& regions() const { return regions_; }

 private:
  size_t region_bytes_;
  std::vector<MemoryRegion> regions_;  // pieces come from the last
  size_t size_ = 0;                    // of the last
};

}  // namespace dure
