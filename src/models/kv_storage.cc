#include "models/kv_storage.h"

#include <cstring>
#include <string>

namespace dure::models {

uint64_t KvStorage::BlockBytes(const ModelConfig& config, numerics::CacheType type) {
  return static_cast<uint64_t>(numerics::CacheBlockBytes(type, config.head_dim)) * config.layers *
         config.kv_heads;
}

Result<std::unique_ptr<KvStorage>> KvStorage::Create(const ModelConfig& config, int blocks,
                                                     numerics::CacheType type) {
  if (blocks <= 0) return Fail(ErrorCode::kInvalidArgument, "a KV cache needs at least one block");
  std::unique_ptr<KvStorage> storage(new KvStorage());
  storage->blocks_ = blocks;
  storage->kv_heads_ = config.kv_heads;
  storage->type_ = type;
  storage->head_bytes_ = static_cast<size_t>(numerics::CacheBlockBytes(type, config.head_dim));
  storage->block_bytes_ = static_cast<size_t>(BlockBytes(config, type));
  const uint64_t bytes = BlockBytes(config, type) * static_cast<uint64_t>(blocks);
  storage->bytes_ = static_cast<size_t>(bytes);
  storage->memory_ = ReservePages(bytes);
  if (storage->memory_ == nullptr) {
    return Fail(ErrorCode::kResourceExhausted, "not enough address space for a KV cache of " +
                                                   std::to_string(bytes >> 20) + " MiB");
  }
  return storage;
}

void KvStorage::CopyBlock(int32_t from, int32_t to) {
  if (from == to) return;
  uint8_t* base = memory_.get();
  std::memcpy(base + block_bytes_ * static_cast<size_t>(to),
              base + block_bytes_ * static_cast<size_t>(from), block_bytes_);
}

}  // namespace dure::models
