#include "engine/cache_size.h"

#include <algorithm>
#include <limits>
#include <string>

#include "models/kv_storage.h"

namespace dure::engine {
namespace {

constexpr uint64_t kModeratePositions = 1024;  // of one sequence, when nothing is said
constexpr uint64_t kMemoryShare = 4;  // the cache takes at most this fraction of the machine
constexpr uint64_t kMostBlocks = std::numeric_limits<int>::max() / models::kKvBlockPositions;

uint64_t BlocksFor(uint64_t positions) {
  return (positions + models::kKvBlockPositions - 1) / models::kKvBlockPositions;
}

}  // namespace

Result<CacheSize> ChooseCacheSize(const EngineOptions& options, int model_context_length,
                                  uint64_t block_bytes, uint64_t memory_bytes) {
  if (options.context_length < 0 || options.context_length > model_context_length) {
    return Fail(ErrorCode::kInvalidArgument,
                "a context of " + std::to_string(options.context_length) +
                    " tokens was asked for; the model was trained for " +
                    std::to_string(model_context_length));
  }
  const uint64_t context =
      options.context_length > 0 ? options.context_length : model_context_length;
  uint64_t blocks = options.kv_bytes / block_bytes;
  if (options.kv_bytes == 0) {
    const uint64_t wanted =
        std::max(BlocksFor(context), BlocksFor(kModeratePositions) * options.max_sequences);
    blocks = std::min(wanted, memory_bytes / kMemoryShare / block_bytes);
  }
  blocks = std::min(blocks, kMostBlocks);
  if (blocks == 0 || (options.context_length > 0 && blocks < BlocksFor(context))) {
    return Fail(ErrorCode::kInvalidArgument,
                "the KV cache has room for " + std::to_string(blocks * models::kKvBlockPositions) +
                    " positions; a context of " + std::to_string(context) + " needs " +
                    std::to_string(BlocksFor(context) * block_bytes) + " bytes");
  }
  const uint64_t room = blocks * models::kKvBlockPositions;
  return CacheSize{static_cast<int>(blocks), static_cast<int>(std::min(context, room))};
}

}  // namespace dure::engine
