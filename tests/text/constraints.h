// Grammars over small vocabularies, for tests.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/text/small_vocabularies.h"
#include "text/grammar/constraint.h"
#include "text/tokenizer.h"

namespace dure::text {

/// Single bytes, and pieces that cross the borders of JSON's tokens.
inline Vocabulary JsonPieces() {
  Vocabulary v = SmallBytePairs("gpt-2");
  v.merges.clear();
  v.tokens.resize(256);
  v.types.clear();
  for (const char* piece :
       {"{\"",    "\":",      "\",",     "\",\"",        "\"}",   "\":\"",   "\":[",
        "\":{\"", "},{",      "}]",      "]}",           "[]",    "{}",      "true",
        "null",   ",\"",      "10",      "1,",           "1]",    "1}",      "a\"",
        "b\":1",  "b\":1,\"", "ab",      "name",         "\\u00", "\\u0061", "[1,1",
        "\"a\":", "\"a\",\"", "a\":{}}", "a\":1,\"a\":", "1,1]"}) {
    v.tokens.emplace_back(piece);
  }
  for (const char* piece : {"ĠĠ", "Ċ", ",Ġ", "Ġ\"", "Ã©"}) v.tokens.emplace_back(piece);
  std::sort(v.tokens.begin() + 256, v.tokens.end());
  v.tokens.erase(std::unique(v.tokens.begin() + 256, v.tokens.end()), v.tokens.end());
  std::erase_if(v.tokens, [&, seen = 0](const std::string& token) mutable {
    return seen++ >= 256 &&
           std::find(v.tokens.begin(), v.tokens.begin() + 256, token) != v.tokens.begin() + 256;
  });
  v.types.assign(v.tokens.size(), TokenType::kNormal);
  v.tokens.emplace_back("<|im_end|>");
  v.types.push_back(TokenType::kControl);
  return v;
}

inline std::shared_ptr<const TokenVocabulary> JsonVocabulary() {
  static const auto vocabulary = [] {
    const auto tokenizer = *MakeTokenizer(JsonPieces());
    return std::make_shared<const TokenVocabulary>(*tokenizer);
  }();
  return vocabulary;
}

/// Whether the masks let the text be written whole, byte by byte or by longest pieces; empty where
/// they disagree.
inline std::optional<bool> Writes(const Grammar& grammar, std::string_view text) {
  const TokenVocabulary& vocabulary = *JsonVocabulary();
  std::vector<TokenId> bytes;
  for (const char byte : text) {
    bytes.push_back(vocabulary.Spell(std::string(1, byte)).at(0));
  }
  std::optional<bool> answer;
  for (const auto& tokens : {bytes, vocabulary.Spell(text)}) {
    const auto constraint = grammar.NewConstraint();
    TokenBits mask(vocabulary.words());
    bool whole = true;
    for (const TokenId token : tokens) {
      constraint->Mask(mask);
      const bool allowed = HasToken(mask, token);
      if (allowed != constraint->Advance(token)) return std::nullopt;
      whole = allowed;
      if (!whole) break;
    }
    whole = whole && constraint->MayEnd();
    if (answer && *answer != whole) return std::nullopt;
    answer = whole;
  }
  return answer;
}

/// The mask of every token tried by itself.
inline TokenBits MaskByTrying(const TokenConstraint& constraint) {
  const TokenVocabulary& vocabulary = constraint.vocabulary();
  TokenBits mask(vocabulary.words(), 0);
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    if (constraint.Clone()->Advance(id)) SetToken(mask, id);
  }
  return mask;
}

}  // namespace dure::text
