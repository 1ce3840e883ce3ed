// The tokens of a vocabulary as a tree over their bytes, laid out so that one pass forward visits
// it and a dead branch is one jump.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace dure::text {

/// Immutable; thread-safe.
class TokenTrie {
 public:
  struct Node {
    uint32_t end;          // the first node behind this one's subtree
    uint32_t first_token;  // its tokens are tokens()[first_token .. first_token of the next node)
    uint16_t depth;        // bytes to here; the root has 0
    uint8_t byte;
  };

  TokenTrie() : TokenTrie(std::vector<std::pair<std::string, int32_t>>()) {}
  /// Tokens of no bytes or of more than kMostTokenBytes are left out.
  explicit TokenTrie(std::vector<std::pair<std::string, int32_t>> tokens);

  static constexpr size_t kMostTokenBytes = 1024;

  size_t size() const { return nodes_.size() - 1; }  // a last node closes the list
  const Node& operator[](size_t node) const { return nodes_[node]; }
  /// Tokens that end at this node.
  std::span<const int32_t> TokensAt(size_t node) const {
    return std::span(tokens_).subspan(nodes_[node].first_token,
                                      nodes_[node + 1].first_token - nodes_[node].first_token);
  }
  /// Tokens that end at this node or below it.
  std::span<const int32_t> TokensUnder(size_t node) const {
    const uint32_t end = nodes_[nodes_[node].end].first_token;
    return std::span(tokens_).subspan(nodes_[node].first_token, end - nodes_[node].first_token);
  }

 private:
  std::vector<Node> nodes_;
  std::vector<int32_t> tokens_;
};

}  // namespace dure::text
