// What the three kinds of tokenizer share: special tokens, end of generation, spelling of tokens.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/special_tokens.h"
#include "text/token_index.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

namespace dure::text {

class BaseTokenizer : public Tokenizer {
 public:
  std::vector<TokenId> Encode(std::string_view text, ControlTokens control) const final;
  std::vector<TokenId> Encode(const RenderedPrompt& prompt) const final;
  std::string TokenBytes(TokenId id, bool render_control) const final;
  int vocab_size() const final { return static_cast<int>(vocabulary_.tokens.size()); }
  bool IsControl(TokenId id) const final;
  bool IsEndOfGeneration(TokenId id) const final;
  const std::vector<TokenId>& end_of_generation_ids() const final {
    return vocabulary_.end_of_generation;
  }
  std::optional<TokenId> bos() const final { return vocabulary_.bos; }
  std::optional<TokenId> eos() const final { return vocabulary_.eos; }
  bool add_bos() const final { return add_bos_; }
  std::optional<TokenId> FindToken(std::string_view spelling) const final;

 protected:
  /// REQUIRES: the vocabulary has been checked by MakeTokenizer; `index` is of its tokens.
  BaseTokenizer(Vocabulary vocabulary, TokenIndex index, bool add_bos_by_default);

  /// Appends the ids of text without special tokens. `after_special`: at the beginning or after a
  /// special token.
  virtual void EncodeText(std::string_view text, bool after_special,
                          std::vector<TokenId>& out) const = 0;
  /// The bytes that a normal token stands for.
  virtual std::string DecodeNormal(std::string_view spelling) const = 0;

  /// The id of a spelling that text may become: -1 for none and for control tokens.
  TokenId FindTextToken(std::string_view spelling) const { return TextOnly(index_.Find(spelling)); }
  TokenId TextOnly(TokenId id) const { return id >= 0 && IsControl(id) ? -1 : id; }
  /// The token of a single byte in SentencePiece's notation, "<0x0A>"; -1 when there is none.
  TokenId FindByteToken(unsigned char byte) const;

  const Vocabulary& vocabulary() const { return vocabulary_; }
  const TokenIndex& index() const { return index_; }
  TokenType TypeOf(TokenId id) const;
  /// Frees what only the construction needed.
  void DropMerges() { std::vector<std::string>().swap(vocabulary_.merges); }

 private:
  std::vector<TokenId> EncodeFragments(std::string_view text,
                                       const std::vector<Fragment>& fragments) const;

  Vocabulary vocabulary_;
  TokenIndex index_;
  SpecialTokens specials_;
  bool add_bos_;
};

}  // namespace dure::text
