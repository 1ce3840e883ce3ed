#include "engine/prefix_cache.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <new>

namespace dure::engine {
namespace {

// Children of one node that are looked at for a partial match, the newest first: a bound on time
// where thousands of prompts begin differently.
constexpr int kMostSiblings = 64;

uint64_t Mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15ull;
  return hash ^ (hash >> 29);
}

int CommonPrefix(std::span<const int32_t> a, std::span<const int32_t> b) {
  const size_t most = std::min(a.size(), b.size());
  const auto end = std::mismatch(a.begin(), a.begin() + static_cast<ptrdiff_t>(most), b.begin());
  return static_cast<int>(end.first - a.begin());
}

}  // namespace

PrefixCache::PrefixCache(int total_blocks, int block_positions, bool enabled)
    : positions_(block_positions), enabled_(enabled), blocks_(total_blocks) {
  if (!enabled) return;
  nodes_.resize(static_cast<size_t>(total_blocks));
  tokens_.resize(static_cast<size_t>(total_blocks) * static_cast<size_t>(block_positions));
  buckets_.assign(std::bit_ceil(static_cast<size_t>(std::max(total_blocks, 1))), kNone);
}

std::optional<int32_t> PrefixCache::Allocate() {
  if (blocks_.available() == 0 && oldest_ != kNone) {
    Drop(oldest_);
    ++evictions_;
  }
  return blocks_.Allocate();
}

std::span<const int32_t> PrefixCache::TokensOf(int32_t block) const {
  return {tokens_.data() + static_cast<ptrdiff_t>(block) * positions_,
          static_cast<size_t>(nodes_[static_cast<size_t>(block)].length)};
}

size_t PrefixCache::Bucket(const Root& root, int32_t parent, std::span<const int32_t> piece) const {
  uint64_t hash = Mix(root.number, static_cast<uint32_t>(parent));
  for (const int32_t token : piece) hash = Mix(hash, static_cast<uint32_t>(token));
  return hash & (buckets_.size() - 1);
}

int32_t PrefixCache::Find(Roots::const_iterator root, int32_t parent,
                          std::span<const int32_t> piece) const {
  int32_t block = buckets_[Bucket(root->second, parent, piece)];
  while (block != kNone) {
    const Node& node = nodes_[static_cast<size_t>(block)];
    if (node.parent == parent && node.root == root && std::ranges::equal(TokensOf(block), piece)) {
      break;
    }
    block = node.next_in_bucket;
  }
  return block;
}

int32_t& PrefixCache::FirstChild(Roots::iterator root, int32_t parent) {
  return parent == kNone ? root->second.first_child
                         : nodes_[static_cast<size_t>(parent)].first_child;
}

void PrefixCache::Adopt(const std::string& tenant, std::span<const int32_t> tokens,
                        std::vector<int32_t>& blocks, int& kept) {
  const auto root = roots_.find(tenant);
  if (root == roots_.end()) return;
  while (static_cast<size_t>((kept + 1) * positions_) <= tokens.size()) {
    const auto at = static_cast<size_t>(kept);
    const int32_t found =
        Find(root, kept == 0 ? kNone : blocks[at - 1],
             tokens.subspan(at * static_cast<size_t>(positions_), static_cast<size_t>(positions_)));
    if (found == kNone) return;
    Take(found);
    if (at < blocks.size()) {
      blocks_.Release(blocks[at]);
      blocks[at] = found;
    } else {
      blocks.push_back(found);
    }
    ++kept;
  }
}

PrefixCache::Tail PrefixCache::FindTail(const std::string& tenant, std::span<const int32_t> tokens,
                                        std::span<const int32_t> blocks, int kept) {
  Tail best;
  const auto root = roots_.find(tenant);
  if (root == roots_.end()) return best;
  const std::span<const int32_t> rest = tokens.subspan(static_cast<size_t>(kept * positions_));
  int32_t child = FirstChild(root, kept == 0 ? kNone : blocks[static_cast<size_t>(kept) - 1]);
  for (int i = 0; i < kMostSiblings && child != kNone; ++i) {
    const int common = CommonPrefix(TokensOf(child), rest);
    if (common > best.positions) best = {child, common};
    child = nodes_[static_cast<size_t>(child)].next_sibling;
  }
  if (best.positions > 0 && blocks_.references(best.block) == 1) {
    Unlist(best.block);
    ListAsNewest(best.block);
  }
  return best;
}

void PrefixCache::Keep(const std::string& tenant, std::span<const int32_t> tokens,
                       std::vector<int32_t>& blocks, int& kept) {
  if (!enabled_) return;
  while (static_cast<size_t>((kept + 1) * positions_) <= tokens.size()) {
    const int before = kept;
    Adopt(tenant, tokens, blocks, kept);
    if (kept > before) continue;
    const auto at = static_cast<size_t>(kept);
    if (!Insert(
            tenant, kept == 0 ? kNone : blocks[at - 1],
            tokens.subspan(at * static_cast<size_t>(positions_), static_cast<size_t>(positions_)),
            blocks[at])) {
      return;
    }
    DropTailsOf(blocks[at]);
    ++kept;
  }
}

bool PrefixCache::Insert(const std::string& tenant, int32_t parent, std::span<const int32_t> piece,
                         int32_t block) {
  auto root = roots_.find(tenant);
  if (root == roots_.end()) {
    try {
      root = roots_.emplace(tenant, Root{++last_root_}).first;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }
  Node& node = nodes_[static_cast<size_t>(block)];
  assert(node.length == 0);
  node = Node{};
  node.root = root;
  node.parent = parent;
  node.length = static_cast<int>(piece.size());
  std::ranges::copy(piece, tokens_.begin() + static_cast<ptrdiff_t>(block) * positions_);
  ++root->second.nodes;
  int32_t& first = FirstChild(root, parent);
  node.next_sibling = first;
  if (first != kNone) nodes_[static_cast<size_t>(first)].previous_sibling = block;
  first = block;
  if (node.length == positions_) {
    int32_t& bucket = buckets_[Bucket(root->second, parent, piece)];
    node.next_in_bucket = bucket;
    bucket = block;
  }
  blocks_.AddReference(block);
  return true;
}

void PrefixCache::DropTailsOf(int32_t block) {
  int32_t sibling = nodes_[static_cast<size_t>(block)].next_sibling;
  for (int i = 0; i < kMostSiblings && sibling != kNone; ++i) {
    const Node& node = nodes_[static_cast<size_t>(sibling)];
    const int32_t next = node.next_sibling;
    if (node.length < positions_ &&
        CommonPrefix(TokensOf(sibling), TokensOf(block)) == node.length) {
      Drop(sibling);
    }
    sibling = next;
  }
}

void PrefixCache::KeepTail(const std::string& tenant, std::span<const int32_t> tokens,
                           const std::vector<int32_t>& blocks, int kept) {
  const auto at = static_cast<size_t>(kept);
  const std::span<const int32_t> rest = tokens.subspan(at * static_cast<size_t>(positions_));
  if (rest.empty() || rest.size() >= static_cast<size_t>(positions_) || at >= blocks.size()) return;
  const Tail known = FindTail(tenant, tokens, blocks, kept);
  if (static_cast<size_t>(known.positions) == rest.size()) return;
  if (Insert(tenant, kept == 0 ? kNone : blocks[at - 1], rest, blocks[at])) DropTailsOf(blocks[at]);
}

void PrefixCache::Release(const std::string& tenant, std::span<const int32_t> tokens,
                          std::vector<int32_t>& blocks, int& kept) {
  Keep(tenant, tokens, blocks, kept);
  if (enabled_) KeepTail(tenant, tokens, blocks, kept);
  // The deepest first: so a block is always more recently used than those that continue it.
  for (size_t i = blocks.size(); i > 0; --i) LetGo(blocks[i - 1]);
  blocks.clear();
  kept = 0;
}

void PrefixCache::Clear() {
  while (oldest_ != kNone) Drop(oldest_);
}

/// A block that is in the tree and that no sequence uses leaves the tree and is free.
void PrefixCache::Drop(int32_t block) {
  Node& node = nodes_[static_cast<size_t>(block)];
  assert(node.first_child == kNone);
  Unlist(block);
  if (node.length == positions_) {
    int32_t* link = &buckets_[Bucket(node.root->second, node.parent, TokensOf(block))];
    while (*link != block) link = &nodes_[static_cast<size_t>(*link)].next_in_bucket;
    *link = node.next_in_bucket;
  }
  if (node.previous_sibling == kNone) {
    FirstChild(node.root, node.parent) = node.next_sibling;
  } else {
    nodes_[static_cast<size_t>(node.previous_sibling)].next_sibling = node.next_sibling;
  }
  if (node.next_sibling != kNone) {
    nodes_[static_cast<size_t>(node.next_sibling)].previous_sibling = node.previous_sibling;
  }
  if (--node.root->second.nodes == 0) roots_.erase(node.root);
  node.length = 0;
  blocks_.Release(block);
}

void PrefixCache::Take(int32_t block) {
  if (blocks_.references(block) == 1) Unlist(block);
  blocks_.AddReference(block);
}

void PrefixCache::LetGo(int32_t block) {
  blocks_.Release(block);
  if (enabled_ && nodes_[static_cast<size_t>(block)].length > 0 && blocks_.references(block) == 1) {
    ListAsNewest(block);
  }
}

void PrefixCache::ListAsNewest(int32_t block) {
  Node& node = nodes_[static_cast<size_t>(block)];
  node.newer = kNone;
  node.older = newest_;
  if (newest_ != kNone) nodes_[static_cast<size_t>(newest_)].newer = block;
  newest_ = block;
  if (oldest_ == kNone) oldest_ = block;
  ++unused_;
}

void PrefixCache::Unlist(int32_t block) {
  Node& node = nodes_[static_cast<size_t>(block)];
  (node.newer == kNone ? newest_ : nodes_[static_cast<size_t>(node.newer)].older) = node.older;
  (node.older == kNone ? oldest_ : nodes_[static_cast<size_t>(node.older)].newer) = node.newer;
  node.newer = node.older = kNone;
  --unused_;
}

}  // namespace dure::engine
