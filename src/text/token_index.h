// From spelling to token id: an open-addressing hash table over the vocabulary's own strings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace dure::text {

/// Incremental hash of a spelling, so that growing prefixes cost one step per byte.
struct SpellingHash {
  uint64_t state = 0xCBF29CE484222325ull;
  void Add(unsigned char byte) { state = (state ^ byte) * 0x100000001B3ull; }
  static SpellingHash Of(std::string_view text) {
    SpellingHash hash;
    for (const char c : text) hash.Add(static_cast<unsigned char>(c));
    return hash;
  }
};

/// The indexed strings stay owned by the caller and must outlive the index; moving the vector that
/// holds them is fine.
class TokenIndex {
 public:
  /// Indexes tokens[0..size). Returns the first id whose spelling was there already, -1 when none
  /// was.
  TokenId Build(const std::vector<std::string>& tokens);

  /// -1 when there is no such token.
  TokenId Find(std::string_view spelling) const {
    return Find(spelling, SpellingHash::Of(spelling));
  }
  TokenId Find(std::string_view spelling, SpellingHash hash) const {
    const uint32_t tag = Mix(hash.state);
    for (size_t slot = tag & mask_;; slot = (slot + 1) & mask_) {
      const Slot& entry = slots_[slot];
      if (entry.id < 0) return -1;
      if (entry.tag == tag && tokens_[entry.id] == spelling) return entry.id;
    }
  }

  /// Bytes of the longest spelling.
  size_t longest() const { return longest_; }

 private:
  struct Slot {
    uint32_t tag = 0;
    TokenId id = -1;
  };
  static uint32_t Mix(uint64_t state) {
    return static_cast<uint32_t>((state * 0x9E3779B97F4A7C15ull) >> 32);
  }

  const std::string* tokens_ = nullptr;
  std::vector<Slot> slots_ = std::vector<Slot>(1);
  size_t mask_ = 0;
  size_t longest_ = 0;
};

}  // namespace dure::text
