// How much KV cache an engine gets, and how long a sequence may therefore be.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "engine/engine.h"

namespace dure::engine {

struct CacheSize {
  int blocks = 0;
  int context_length = 0;  // positions; one sequence of this length always fits
};

/// memory_bytes: what the machine has. block_bytes: KvStorage::BlockBytes.
/// Errors: kInvalidArgument when the options contradict each other or the model; with the numbers.
Result<CacheSize> ChooseCacheSize(const EngineOptions& options, int model_context_length,
                                  uint64_t block_bytes, uint64_t memory_bytes);

}  // namespace dure::engine
