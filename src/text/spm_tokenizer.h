// SentencePiece-style tokens (Kudo and Richardson, 2018) as the "llama" tokenizer model has them:
// the pair of neighbours whose union has the best score merges first, and what is no token becomes
// bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/base_tokenizer.h"

namespace dure::text {

class SpmTokenizer final : public BaseTokenizer {
 public:
  SpmTokenizer(Vocabulary vocabulary, TokenIndex index);

 private:
  struct Symbol;
  struct Candidate;
  class Merger;

  void EncodeText(std::string_view text, bool after_special,
                  std::vector<TokenId>& out) const override;
  std::string DecodeNormal(std::string_view spelling) const override;
};

}  // namespace dure::text
