// Byte-level byte-pair encoding, as GPT-2 introduced it (Radford et al., 2019): text is cut into
// words, the bytes of a word are merged pair by pair in the order of the ranks.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "text/base_tokenizer.h"
#include "text/pre_tokenizer.h"

namespace dure::text {

class BpeTokenizer final : public BaseTokenizer {
 public:
  BpeTokenizer(Vocabulary vocabulary, TokenIndex index, PreTokenizer pre_tokenizer);

 private:
  // Symbols are token ids; strings that only occur inside merges get ids beyond the vocabulary.
  using Symbol = int32_t;
  static constexpr Symbol kNone = -1;
  static constexpr uint32_t kNoRank = 0xFFFFFFFF;

  struct Merge {
    uint64_t pair = ~0ull;  // left << 32 | right
    uint32_t rank = kNoRank;
    Symbol result = kNone;
  };

  void EncodeText(std::string_view text, bool after_special,
                  std::vector<TokenId>& out) const override;
  std::string DecodeNormal(std::string_view spelling) const override;

  void BuildMerges();
  void InsertMerge(const Merge& merge);
  const Merge& FindMerge(Symbol left, Symbol right) const;
  void EncodeWord(std::string_view bytes, std::vector<Symbol>& symbols,
                  std::vector<TokenId>& out) const;
  void MergeShort(std::vector<Symbol>& symbols) const;
  void MergeLong(std::vector<Symbol>& symbols) const;
  void Emit(Symbol symbol, std::vector<TokenId>& out) const;

  PreTokenizer pre_tokenizer_;
  std::array<Symbol, 256> byte_symbols_;
  std::vector<Merge> merges_;  // open addressing, a power of two
  size_t merge_mask_ = 0;
  std::vector<std::string> extra_;  // spellings of the symbols beyond the vocabulary
};

}  // namespace dure::text
