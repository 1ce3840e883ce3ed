#include "text/grammar/token_trie.h"

#include <algorithm>

namespace dure::text {

TokenTrie::TokenTrie(std::vector<std::pair<std::string, int32_t>> tokens) {
  std::erase_if(tokens, [](const auto& token) {
    return token.first.empty() || token.first.size() > kMostTokenBytes;
  });
  std::sort(tokens.begin(), tokens.end());
  nodes_.push_back({0, 0, 0, 0});
  std::vector<uint32_t> open = {0};  // the nodes on the way to the last token
  std::string last;
  for (const auto& [bytes, id] : tokens) {
    size_t shared = 0;
    while (shared < last.size() && shared < bytes.size() && last[shared] == bytes[shared]) {
      ++shared;
    }
    while (open.size() > shared + 1) {
      nodes_[open.back()].end = static_cast<uint32_t>(nodes_.size());
      open.pop_back();
    }
    for (size_t i = shared; i < bytes.size(); ++i) {
      open.push_back(static_cast<uint32_t>(nodes_.size()));
      nodes_.push_back({0, static_cast<uint32_t>(tokens_.size()), static_cast<uint16_t>(i + 1),
                        static_cast<uint8_t>(bytes[i])});
    }
    tokens_.push_back(id);
    last = bytes;
  }
  for (const uint32_t node : open) nodes_[node].end = static_cast<uint32_t>(nodes_.size());
  nodes_.push_back(
      {static_cast<uint32_t>(nodes_.size() + 1), static_cast<uint32_t>(tokens_.size()), 0, 0});
}

}  // namespace dure::text
