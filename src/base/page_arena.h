// Memory that is taken once and kept: weights, caches. It comes from regions that the kernel may
// back with large pages, so that walking through it costs few address translations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace dure {

/// Bytes of a large page on x86-64.
inline constexpr size_t kLargePage = size_t{2} << 20;

/// Zeroed address space, aligned to kLargePage, backed by memory when touched. Large pages are
/// asked for; where the kernel has none, ordinary ones serve. nullptr when there is no room.
std::shared_ptr<uint8_t> ReservePages(size_t bytes);

/// Hands out pieces of regions, one after the other. A piece keeps its region alive. Used by one
/// thread at a time.
class PageArena {
 public:
  /// Regions have at least `region_bytes`; best is what all pieces will take together.
  explicit PageArena(size_t region_bytes = kLargePage) : region_bytes_(region_bytes) {}

  /// `bytes` zeroed bytes, aligned to 64; nullptr when there is no room.
  std::shared_ptr<uint8_t> Allocate(size_t bytes);

 private:
  size_t region_bytes_;
  std::shared_ptr<uint8_t> region_;
  size_t used_ = 0;
  size_t size_ = 0;
};

}  // namespace dure
