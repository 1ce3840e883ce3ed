// Where keys and values live: a fixed number of blocks of positions, shared by all sequences. Which
// block belongs to whom is the engine's business; this class only knows where the bytes are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/error.h"
#include "models/model.h"

namespace dure::models {

inline constexpr int kKvBlockPositions = 32;

/// Float16 keys and values of `blocks` blocks for every layer. Memory is reserved at once and
/// touched on first use. For a layer and KV head, a block holds
///   keys   [kKvBlockPositions/16][head_dim][16]   (lanes are positions)
///   values [kKvBlockPositions][head_dim]          (lanes are head dimensions)
class KvStorage {
 public:
  static Result<std::unique_ptr<KvStorage>> Create(const ModelConfig& config, int blocks);
  ~KvStorage();
  KvStorage(const KvStorage&) = delete;
  KvStorage& operator=(const KvStorage&) = delete;

  /// Bytes one block takes over all layers.
  static uint64_t BlockBytes(const ModelConfig& config);
  int blocks() const { return blocks_; }
  /// Copies all keys and values of one block to another.
  void CopyBlock(int32_t from, int32_t to);

  uint16_t* Keys(int layer, int32_t block, int kv_head) {
    return base_ + Offset(layer, block, kv_head);
  }
  uint16_t* Values(int layer, int32_t block, int kv_head) {
    return base_ + Offset(layer, block, kv_head) + kKvBlockPositions * head_dim_;
  }

 private:
  KvStorage() = default;
  size_t Offset(int layer, int32_t block, int kv_head) const {
    return ((static_cast<size_t>(layer) * blocks_ + block) * kv_heads_ + kv_head) * 2 *
           kKvBlockPositions * head_dim_;
  }

  int blocks_ = 0;
  int kv_heads_ = 0;
  int head_dim_ = 0;
  size_t bytes_ = 0;
  uint16_t* base_ = nullptr;  // [layers][blocks][kv_heads][keys, values], float16 bits
};

}  // namespace dure::models
