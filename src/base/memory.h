// How much memory this process may use.
#pragma once

#include <cstdint>

namespace dure {

/// Bytes: the machine's memory or the cgroup's limit (v2 or v1), whichever is less.
uint64_t AvailableMemory();

/// Bytes of this process that are in memory now; 0 where that cannot be read.
uint64_t ResidentMemory();

}  // namespace dure
