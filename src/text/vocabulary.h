// The vocabulary a model file carries, as data: what the tokenizers are built from. Keys follow the
// GGUF specification (tokenizer.ggml.*); how missing or contradicting ones are read follows
// llama.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/tokenizer.h"

namespace dure::text {

class TokenIndex;

enum class TokenType : uint8_t {
  kUndefined = 0,
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,
};

enum class VocabularyKind { kBytePairs, kSentencePiece, kWordPiece };

struct Vocabulary {
  VocabularyKind kind = VocabularyKind::kBytePairs;
  std::string pre_tokenizer;        // byte pairs only
  std::vector<std::string> tokens;  // by id; no two alike
  std::vector<float> scores;        // SentencePiece: one per token, higher merges first
  std::vector<TokenType> types;     // one per token, or empty: all normal
  std::vector<std::string> merges;  // byte pairs: "left right" in rank order

  std::optional<TokenId> bos;
  std::optional<TokenId> eos;
  std::optional<TokenId> unknown;
  std::vector<TokenId>
      end_of_generation;        // ids the file names: end of turn, of message and the like
  std::optional<bool> add_bos;  // where absent: by kind and pre-tokenizer

  bool add_space_prefix =
      true;                   // SentencePiece: a space before the text and after each special token
  bool lowercase = true;      // WordPiece
  bool strip_accents = true;  // WordPiece
  size_t longest_word = 0;    // WordPiece: characters beyond which a word is unknown; 0: none

  /// Special tokens that swallow the white space after or before them.
  std::vector<TokenId> strip_right;
  std::vector<TokenId> strip_left;
};

/// Builds the tokenizer. Errors: kCorrupt (sizes disagree, an id out of range, two tokens alike, a
/// score that is no number), kUnsupported (pre-tokenizer).
Result<std::unique_ptr<Tokenizer>> MakeTokenizer(Vocabulary vocabulary);

/// Reads what the file says. Errors: kCorrupt, kUnsupported (tokenizer model), kNotFound (no
/// vocabulary).
Result<Vocabulary> ReadVocabulary(const formats::GgufFile& file);

/// Reads a tokenizer.json of the Hugging Face tokenizers library. Errors: kCorrupt, kUnsupported
/// (any other model than WordPiece with BERT's normalizer).
Result<Vocabulary> ReadVocabularyJson(const nlohmann::json& file);

/// Marks as control the tokens whose spelling says so whatever their type, and completes
/// `end_of_generation` with every token spelled like an end. MakeTokenizer calls it. REQUIRES:
/// `index` is of the vocabulary's tokens.
void ClassifyBySpelling(const TokenIndex& index, Vocabulary& vocabulary);

}  // namespace dure::text
