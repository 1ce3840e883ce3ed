// A tokenizer's vocabulary, prepared for token masks.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/grammar/token_trie.h"
#include "text/tokenizer.h"

namespace dure::text {

/// A set of token ids, one bit each: token t is bit t % 64 of word t / 64.
using TokenBits = std::vector<uint64_t>;

inline void SetToken(std::span<uint64_t> bits, TokenId id) {
  bits[static_cast<size_t>(id) / 64] |= uint64_t{1} << (id % 64);
}
inline void ClearToken(std::span<uint64_t> bits, TokenId id) {
  bits[static_cast<size_t>(id) / 64] &= ~(uint64_t{1} << (id % 64));
}
inline bool HasToken(std::span<const uint64_t> bits, TokenId id) {
  return (bits[static_cast<size_t>(id) / 64] >> (id % 64) & 1) != 0;
}

/// Immutable; thread-safe. Made once for each model: a fraction of a second for 150,000 tokens.
class TokenVocabulary {
 public:
  /// Copies what it needs. Control tokens and tokens of no bytes are part of no mask.
  explicit TokenVocabulary(const Tokenizer& tokenizer);

  /// Tokens that any plain text may hold, up to a number of characters (no control characters, no
  /// quotation mark, no backslash, whole UTF-8), and the trie of all the others.
  struct Slice {
    int characters;
    TokenBits plain;
    TokenTrie others;
  };
  const TokenTrie& trie() const { return trie_; }
  /// The slice whose plain tokens are all alive where `characters` may follow freely; null where
  /// there is none.
  const Slice* SliceFor(int characters) const;
  /// No token has more characters.
  int longest() const { return longest_; }

  int size() const { return static_cast<int>(bytes_.size()); }
  size_t words() const { return (bytes_.size() + 63) / 64; }
  /// Empty for tokens that are part of no mask.
  const std::string& Bytes(TokenId id) const { return bytes_[id]; }
  const std::vector<TokenId>& end_of_generation() const { return ends_; }
  bool IsEnd(TokenId id) const;
  /// Tokens that spell exactly this text: the longest that fits, again and again. Empty where the
  /// vocabulary cannot.
  std::vector<TokenId> Spell(std::string_view text) const;

 private:
  std::vector<std::string> bytes_;
  std::vector<TokenId> ends_;
  TokenTrie trie_;
  std::vector<Slice> slices_;  // most characters first
  int longest_ = 0;
};

}  // namespace dure::text
