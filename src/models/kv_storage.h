// Where keys and values live: a fixed number of blocks of positions, shared by all sequences. Which
// block belongs to whom is the engine's business; this class only knows where the bytes are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/error.h"
#include "base/page_arena.h"
#include "models/model.h"
#include "numerics/kv_layout.h"

namespace dure::models {

inline constexpr int kKvBlockPositions = numerics::kKvBlock;

/// Keys and values of `blocks` blocks for every layer, those of one block together: a short
/// sequence touches little memory, and large pages serve a long one. Memory is reserved at once and
/// taken from the machine on first use.
class KvStorage {
 public:
  static Result<std::unique_ptr<KvStorage>> Create(
      const ModelConfig& config, int blocks, numerics::CacheType type = numerics::CacheType::kF16);
  KvStorage(const KvStorage&) = delete;
  KvStorage& operator=(const KvStorage&) = delete;

  /// Bytes one block takes over all layers.
  static uint64_t BlockBytes(const ModelConfig& config, numerics::CacheType type);
  int blocks() const { return blocks_; }
  numerics::CacheType type() const { return type_; }
  /// All of it, most of which no sequence may have touched yet.
  MemoryRegion memory() const { return {memory_, bytes_}; }
  /// Copies all keys and values of one block to another.
  void CopyBlock(int32_t from, int32_t to);

  /// Keys and values of one layer and KV head in a block, as numerics/kv_layout.h describes.
  uint8_t* Block(int layer, int32_t block, int kv_head) {
    return memory_.get() + block_bytes_ * static_cast<size_t>(block) +
           head_bytes_ * (static_cast<size_t>(layer) * kv_heads_ + kv_head);
  }

 private:
  KvStorage() = default;

  int blocks_ = 0;
  int kv_heads_ = 0;
  numerics::CacheType type_ = numerics::CacheType::kF16;
  size_t head_bytes_ = 0;
  size_t block_bytes_ = 0;
  size_t bytes_ = 0;
  std::shared_ptr<uint8_t> memory_;  // [blocks][layers][kv_heads]
};

}  // namespace dure::models
