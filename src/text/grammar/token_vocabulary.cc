#include "text/grammar/token_vocabulary.h"

#include <algorithm>
#include <utility>

#include "text/unicode.h"

namespace dure::text {
namespace {

/// Characters of plain text; -1 where it is not plain.
int PlainLength(std::string_view bytes) {
  int length = 0;
  for (size_t i = 0; i < bytes.size();) {
    const size_t step = StrictCharLength(bytes, i);
    const auto first = static_cast<unsigned char>(bytes[i]);
    if (step == 0 || first < 0x20 || first == '"' || first == '\\') return -1;
    i += step;
    ++length;
  }
  return length;
}

}  // namespace

TokenVocabulary::TokenVocabulary(const Tokenizer& tokenizer)
    : ends_(tokenizer.end_of_generation_ids()) {
  bytes_.resize(tokenizer.vocab_size());
  std::vector<std::pair<std::string, int32_t>> all;
  std::vector<int> plain(bytes_.size(), -1);
  for (TokenId id = 0; id < size(); ++id) {
    if (tokenizer.IsControl(id) || tokenizer.IsEndOfGeneration(id)) continue;
    bytes_[id] = tokenizer.TokenBytes(id);
    if (bytes_[id].empty()) continue;
    if (bytes_[id].size() > TokenTrie::kMostTokenBytes) {
      bytes_[id].clear();
      continue;
    }
    plain[id] = PlainLength(bytes_[id]);
    longest_ = std::max(longest_, static_cast<int>(bytes_[id].size()));
    all.emplace_back(bytes_[id], id);
  }
  trie_ = TokenTrie(all);
  for (const int characters : {longest_, 16, 8}) {
    std::vector<std::pair<std::string, int32_t>> others;
    TokenBits bits(words(), 0);
    for (const auto& token : all) {
      if (plain[token.second] >= 0 && plain[token.second] <= characters) {
        SetToken(bits, token.second);
      } else {
        others.push_back(token);
      }
    }
    slices_.push_back({characters, std::move(bits), TokenTrie(std::move(others))});
  }
}

const TokenVocabulary::Slice* TokenVocabulary::SliceFor(int characters) const {
  for (const Slice& slice : slices_) {
    if (slice.characters <= characters) return &slice;
  }
  return nullptr;
}

bool TokenVocabulary::IsEnd(TokenId id) const {
  return std::find(ends_.begin(), ends_.end(), id) != ends_.end();
}

std::vector<TokenId> TokenVocabulary::Spell(std::string_view text) const {
  std::vector<TokenId> out;
  while (!text.empty()) {
    TokenId best = -1;
    size_t length = 0;
    uint32_t node = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      uint32_t child = node + 1;
      while (child < trie_[node].end && trie_[child].byte != static_cast<uint8_t>(text[i])) {
        child = trie_[child].end;
      }
      if (child >= trie_[node].end) break;
      node = child;
      if (const auto tokens = trie_.TokensAt(node); !tokens.empty()) {
        best = tokens[0];
        length = i + 1;
      }
    }
    if (best < 0) return {};
    out.push_back(best);
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace dure::text
