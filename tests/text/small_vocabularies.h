// Hand-made vocabularies, small enough to reason about.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "text/unicode.h"
#include "text/vocabulary.h"

namespace dure::text {

/// Every byte in GPT-2's spelling, then the merges' results, then control and user-defined tokens.
inline Vocabulary SmallBytePairs(std::string pre_tokenizer) {
  Vocabulary v;
  v.kind = VocabularyKind::kBytePairs;
  v.pre_tokenizer = std::move(pre_tokenizer);
  char32_t next = 0x100;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    std::string spelling;
    AppendUtf8(printable ? byte : next++, spelling);
    v.tokens.push_back(spelling);
  }
  for (const std::string line :
       {"h e", "l l", "he ll", "hell o", "Ġ hello", "a a", "aa aa", "1 2", "Ċ Ċ"}) {
    v.merges.push_back(line);
    std::string joined = line;
    joined.erase(joined.find(' '), 1);
    v.tokens.push_back(joined);
  }
  v.types.assign(v.tokens.size(), TokenType::kNormal);
  const std::pair<const char*, TokenType> specials[] = {{"<|start|>", TokenType::kControl},
                                                        {"<|im_end|>", TokenType::kControl},
                                                        {"<|im_end|>x", TokenType::kControl},
                                                        {"<tool>", TokenType::kUserDefined},
                                                        {"<tool><tool>", TokenType::kUserDefined}};
  for (const auto& [spelling, type] : specials) {
    v.tokens.emplace_back(spelling);
    v.types.push_back(type);
  }
  return v;
}

/// Byte tokens, a few pieces with scores, and control tokens, as SentencePiece models have them.
inline Vocabulary SmallSentencePiece() {
  Vocabulary v;
  v.kind = VocabularyKind::kSentencePiece;
  const auto add = [&](std::string spelling, float score, TokenType type) {
    v.tokens.push_back(std::move(spelling));
    v.scores.push_back(score);
    v.types.push_back(type);
  };
  add("<unk>", 0, TokenType::kUnknown);
  add("<s>", 0, TokenType::kControl);
  add("</s>", 0, TokenType::kControl);
  constexpr char kHex[] = "0123456789ABCDEF";
  for (unsigned byte = 0; byte < 256; ++byte) {
    add(std::string("<0x") + kHex[byte >> 4] + kHex[byte & 15] + ">", 0, TokenType::kByte);
  }
  const std::pair<const char*, float> pieces[] = {
      {"▁", -1},   {"a", -2},   {"b", -3},    {"c", -4},   {"<", -5},
      {"s", -6},   {">", -7},   {"/", -8},    {"ab", -9},  {"bc", -10},
      {"▁a", -11}, {"<s", -12}, {"abc", -13}, {"▁▁", -14}, {"가", -15}};
  for (const auto& [spelling, score] : pieces) add(spelling, score, TokenType::kNormal);
  add("<tool>", 0, TokenType::kUserDefined);
  v.bos = 1;
  v.eos = 2;
  v.unknown = 0;
  return v;
}

inline Vocabulary SmallWordPiece() {
  Vocabulary v;
  v.kind = VocabularyKind::kWordPiece;
  v.tokens = {"[PAD]",  "[UNK]", "[CLS]", "[SEP]", "▁un", "aff", "able",
              "▁hello", "▁,",    "▁中",   "▁e",    "▁a",  "▁un!"};
  v.types.assign(v.tokens.size(), TokenType::kNormal);
  for (size_t i = 0; i < 4; ++i) v.types[i] = TokenType::kControl;
  v.bos = 2;
  v.unknown = 1;
  return v;
}

}  // namespace dure::text
