#include "text/token_index.h"

#include <algorithm>
#include <bit>

namespace dure::text {

TokenId TokenIndex::Build(const std::vector<std::string>& tokens) {
  tokens_ = tokens.data();
  slots_.assign(std::bit_ceil(tokens.size() * 2 + 1), Slot{});
  mask_ = slots_.size() - 1;
  longest_ = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const uint32_t tag = Mix(SpellingHash::Of(tokens[i]).state);
    size_t slot = tag & mask_;
    while (slots_[slot].id >= 0) {
      const TokenId other = slots_[slot].id;
      if (slots_[slot].tag == tag && tokens[static_cast<size_t>(other)] == tokens[i])
        return static_cast<TokenId>(i);
      slot = (slot + 1) & mask_;
    }
    slots_[slot] = {tag, static_cast<TokenId>(i)};
    longest_ = std::max(longest_, tokens[i].size());
  }
  return -1;
}

}  // namespace dure::text
