#include "models/kv_storage.h"

#include <sys/mman.h>

#include <cstring>
#include <string>

namespace dure::models {

uint64_t KvStorage::BlockBytes(const ModelConfig& config) {
  return uint64_t{2} * sizeof(uint16_t) * kKvBlockPositions * config.layers * config.kv_heads *
         config.head_dim;
}

Result<std::unique_ptr<KvStorage>> KvStorage::Create(const ModelConfig& config, int blocks) {
  if (blocks <= 0) return Fail(ErrorCode::kInvalidArgument, "a KV cache needs at least one block");
  std::unique_ptr<KvStorage> storage(new KvStorage());
  storage->blocks_ = blocks;
  storage->kv_heads_ = config.kv_heads;
  storage->head_dim_ = config.head_dim;
  storage->bytes_ = BlockBytes(config) * static_cast<uint64_t>(blocks);
  void* memory = mmap(nullptr, storage->bytes_, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    return Fail(ErrorCode::kResourceExhausted, "not enough address space for a KV cache of " +
                                                   std::to_string(storage->bytes_ >> 20) + " MiB");
  }
  storage->base_ = static_cast<uint16_t*>(memory);
  return storage;
}

void KvStorage::CopyBlock(int32_t from, int32_t to) {
  if (from == to) return;
  const size_t bytes = Offset(0, 1, 0) * sizeof(uint16_t);
  const size_t layers = bytes_ / bytes / static_cast<size_t>(blocks_);
  for (size_t layer = 0; layer < layers; ++layer) {
    const auto at = static_cast<int>(layer);
    std::memcpy(base_ + Offset(at, to, 0), base_ + Offset(at, from, 0), bytes);
  }
}

KvStorage::~KvStorage() {
  if (base_ != nullptr) munmap(base_, bytes_);
}

}  // namespace dure::models
