// Cached keys and values, found by the tokens they were computed from: for each tenant a radix tree
// whose edges are blocks of tokens. Sequences share its blocks by reference; what no sequence uses
// stays until somebody needs the room.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/block_allocator.h"

namespace dure::engine {

/// All blocks of the KV cache: those of running sequences, those that only the tree holds, and free
/// ones. A sequence's leading blocks that are in the tree are "kept"; whoever holds a kept block
/// holds all blocks before it, so the tree can always give up a leaf first. Used by one thread.
/// After construction nothing allocates memory but the first block of a tenant, and where that
/// fails the block is not kept: nothing here throws.
class PrefixCache {
 public:
  /// enabled: false for an allocator without a tree.
  PrefixCache(int total_blocks, int block_positions, bool enabled);

  /// A block with one reference: a free one, or else the one that nobody has used for longest.
  /// Nothing when sequences hold all.
  std::optional<int32_t> Allocate();
  /// What Allocate can give.
  int available() const { return blocks_.available() + unused_; }
  /// Blocks that sequences hold.
  int used() const { return blocks_.used() - unused_; }
  /// Blocks that only the tree holds.
  int unused() const { return unused_; }
  /// Blocks that were in the tree and had to go for others.
  uint64_t evictions() const { return evictions_; }

  /// Continues the kept blocks with those the tree has for `tokens`, as whole blocks; what stood in
  /// `blocks` at their place is released. kept: how many leading blocks are in the tree, in and
  /// out.
  void Adopt(const std::string& tenant, std::span<const int32_t> tokens,
             std::vector<int32_t>& blocks, int& kept);

  /// A block in which the first positions after the kept ones hold `tokens`, to be copied.
  struct Tail {
    int32_t block = 0;
    int positions = 0;  // 0: there is none
  };
  /// The longest there is for tokens beyond the kept ones. Good until the next Allocate.
  Tail FindTail(const std::string& tenant, std::span<const int32_t> tokens,
                std::span<const int32_t> blocks, int kept);

  /// Puts the whole blocks of `tokens` (all computed) into the tree. Where it has one with the same
  /// tokens, that one replaces the sequence's: their contents are the same bits.
  void Keep(const std::string& tenant, std::span<const int32_t> tokens,
            std::vector<int32_t>& blocks, int& kept);

  /// A sequence lets go of its blocks. tokens: those computed; the last block, partly filled, can
  /// be found by FindTail afterwards.
  void Release(const std::string& tenant, std::span<const int32_t> tokens,
               std::vector<int32_t>& blocks, int& kept);

  /// Gives up every block that no sequence uses.
  void Clear();

 private:
  struct Root {
    uint64_t number = 0;  // never used again, unlike the address
    int32_t first_child = kNone;
    int nodes = 0;
  };
  using Roots = std::map<std::string, Root, std::less<>>;

  /// The tree's knowledge of a block; its index is the block's number.
  struct Node {
    Roots::iterator root;
    int32_t parent = kNone;  // kNone: a child of the root
    int32_t first_child = kNone;
    int32_t next_sibling = kNone;
    int32_t previous_sibling = kNone;
    int32_t next_in_bucket = kNone;
    // By recency, among those that no sequence uses.
    int32_t newer = kNone;
    int32_t older = kNone;
    int length = 0;  // tokens; 0: not in the tree; less than a block: a tail, never a parent
  };
  static constexpr int32_t kNone = -1;

  std::span<const int32_t> TokensOf(int32_t block) const;
  size_t Bucket(const Root& root, int32_t parent, std::span<const int32_t> piece) const;
  int32_t Find(Roots::const_iterator root, int32_t parent, std::span<const int32_t> piece) const;
  int32_t& FirstChild(Roots::iterator root, int32_t parent);
  /// False when there is no memory for the tenant.
  bool Insert(const std::string& tenant, int32_t parent, std::span<const int32_t> piece,
              int32_t block);
  void KeepTail(const std::string& tenant, std::span<const int32_t> tokens,
                const std::vector<int32_t>& blocks, int kept);
  /// Tails that begin like the new block hold nothing more than it does.
  void DropTailsOf(int32_t block);
  void Drop(int32_t block);
  void Take(int32_t block);
  void LetGo(int32_t block);
  void ListAsNewest(int32_t block);
  void Unlist(int32_t block);

  const int positions_;
  const bool enabled_;
  BlockAllocator blocks_;
  std::vector<Node> nodes_;       // [total]
  std::vector<int32_t> tokens_;   // [total][positions]
  std::vector<int32_t> buckets_;  // whole blocks by (root, parent, tokens)
  Roots roots_;
  uint64_t last_root_ = 0;
  int32_t newest_ = kNone;
  int32_t oldest_ = kNone;
  int unused_ = 0;
  uint64_t evictions_ = 0;
};

}  // namespace dure::engine
