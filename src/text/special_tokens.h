// Finding special tokens (control and user-defined) in text before the rest of it is tokenised.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/tokenizer.h"
#include "text/vocabulary.h"

namespace dure::text {

/// A stretch of text to tokenise (token < 0), or a special token that stood there.
struct Fragment {
  TokenId token;
  size_t begin;
  size_t end;
};

/// Immutable after construction; thread-safe.
class SpecialTokens {
 public:
  SpecialTokens() = default;
  /// Copies what it needs.
  explicit SpecialTokens(const Vocabulary& vocabulary);

  /// Fragments in order of the text; bytes that a token strips belong to none. Longer spellings win
  /// over shorter ones, earlier over later ones of the same token; user-defined tokens are found
  /// always, control tokens only when `control` says so and no byte of them lies in `from_input`
  /// (sorted, disjoint). Time linear in the text, times the number of special tokens that overlap
  /// each other there.
  std::vector<Fragment> Split(std::string_view text, ControlTokens control,
                              std::span<const ByteRange> from_input) const;

 private:
  struct Special {
    std::string spelling;
    TokenId id;
    bool control;
    bool strip_left;
    bool strip_right;
  };
  struct Node {
    std::vector<std::pair<unsigned char, uint32_t>> children;
    int32_t special = -1;
  };
  // What one Split works on.
  struct Scan {
    std::string_view text;
    ControlTokens control;
    std::span<const ByteRange> from_input;
    std::vector<Fragment> out;
  };
  // A stretch of text that matches cover without a gap, and the special tokens among them.
  struct Cluster {
    size_t begin = 0;
    size_t end = 0;
    std::vector<uint32_t> specials;
    std::vector<bool> seen;  // by special
  };

  void AddToTrie(uint32_t special);
  uint32_t Child(uint32_t node, unsigned char byte) const;
  bool Allowed(const Scan& scan, const Special& special, size_t begin) const;
  void AddMatchesAt(Scan& scan, size_t at, Cluster& cluster) const;
  void Close(Scan& scan, Cluster& cluster) const;
  void SplitOut(const Scan& scan, const Special& special, Fragment text,
                std::vector<Fragment>& out) const;

  std::vector<Special> specials_;  // longest first
  std::vector<Node> nodes_ = std::vector<Node>(1);
  uint32_t roots_[256] = {};  // child of the root by first byte, 0: none
  bool strips_ = false;
};

}  // namespace dure::text
