// WordPiece as BERT uses it (Devlin et al., 2018): normalised words, cut greedily into the longest
// pieces of the vocabulary. Pieces that begin a word carry U+2581 in front, as GGUF files spell
// them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/base_tokenizer.h"

namespace dure::text {

class WordPieceTokenizer final : public BaseTokenizer {
 public:
  WordPieceTokenizer(Vocabulary vocabulary, TokenIndex index);

 private:
  void EncodeText(std::string_view text, bool after_special,
                  std::vector<TokenId>& out) const override;
  std::string DecodeNormal(std::string_view spelling) const override;

  std::vector<std::string> Words(std::string_view text) const;
  bool TooLong(std::string_view word) const;
  void EncodeWord(std::string_view word, std::vector<TokenId>& out) const;
};

}  // namespace dure::text
