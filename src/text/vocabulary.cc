#include "text/vocabulary.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <unordered_map>
#include <utility>

#include "text/bpe_tokenizer.h"
#include "text/infill.h"
#include "text/spm_tokenizer.h"
#include "text/token_index.h"
#include "text/wordpiece_tokenizer.h"

namespace dure::text {
namespace {

// Tokens that end an answer, by their spelling: files often name only one of those their model
// uses.
constexpr std::string_view kEndSpellings[] = {
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<turn|>",
    "<|tool_response>",
    "<｜end▁of▁sentence｜>",
    "[e~[",
    "<|fim_pad|>",
    "<fim-pad>",
    "<fim_pad>",
    "<PAD>",
    "[PAD]",
    "<|fim_repo|>",
    "<|repo_name|>",
    "<fim-repo>",
    "<REPO>",
    "<reponame>",
    "<|file_sep|>",
};

Result<void> CheckSizes(const Vocabulary& v) {
  const size_t count = v.tokens.size();
  if (count == 0) return Fail(ErrorCode::kCorrupt, "the vocabulary is empty");
  if (count > INT32_MAX / 2) return Fail(ErrorCode::kCorrupt, "the vocabulary is too large");
  if (!v.types.empty() && v.types.size() != count) {
    return Fail(ErrorCode::kCorrupt, "vocabulary of " + std::to_string(count) + " tokens with " +
                                         std::to_string(v.types.size()) + " token types");
  }
  if (!v.scores.empty() && v.scores.size() != count) {
    return Fail(ErrorCode::kCorrupt, "vocabulary of " + std::to_string(count) + " tokens with " +
                                         std::to_string(v.scores.size()) + " scores");
  }
  for (const float score : v.scores) {
    if (std::isnan(score)) return Fail(ErrorCode::kCorrupt, "a token's score is not a number");
  }
  return {};
}

Result<void> CheckIds(const Vocabulary& v) {
  const auto inside = [&](TokenId id) {
    return id >= 0 && static_cast<size_t>(id) < v.tokens.size();
  };
  for (const auto& id : {v.bos, v.eos, v.unknown}) {
    if (id && !inside(*id))
      return Fail(ErrorCode::kCorrupt, "special token " + std::to_string(*id) + " is no token");
  }
  for (const auto* list : {&v.end_of_generation, &v.strip_left, &v.strip_right}) {
    for (const TokenId id : *list) {
      if (!inside(id))
        return Fail(ErrorCode::kCorrupt, "special token " + std::to_string(id) + " is no token");
    }
  }
  return {};
}

void Erase(std::vector<TokenId>& ids, TokenId id) { std::erase(ids, id); }

}  // namespace

void ClassifyBySpelling(const TokenIndex& index, Vocabulary& v) {
  if (v.types.empty()) v.types.assign(v.tokens.size(), TokenType::kNormal);
  const auto mark_control = [&](TokenId id) {
    TokenType& type = v.types[static_cast<size_t>(id)];
    if (type != TokenType::kUnknown) type = TokenType::kControl;
  };
  if (v.eos) v.end_of_generation.push_back(*v.eos);
  for (const std::string_view spelling : kEndSpellings) {
    const TokenId id = index.Find(spelling);
    if (id < 0) continue;
    mark_control(id);
    v.end_of_generation.push_back(id);
  }
  for (const InfillSpelling& row : InfillSpellings()) {
    for (const std::string_view spelling : {row.prefix, row.suffix, row.middle}) {
      const TokenId id = index.Find(spelling);
      if (id >= 0) mark_control(id);
    }
  }
  const auto has = [&](std::string_view spelling) { return index.Find(spelling) >= 0; };
  // Harmony-style formats: <|end|> closes one message of an answer, not the answer.
  const bool call = has("<|call|>") || has("<|calls|>");
  if (call && (has("<|return|>") || has("<|flush|>")) && has("<|end|>")) {
    Erase(v.end_of_generation, index.Find("<|end|>"));
  }
  // Models with these ends have an ordinary token of that spelling.
  if ((has("<|tool_response>") || has("<|plamo:eos|>")) && has("</s>")) {
    const TokenId id = index.Find("</s>");
    Erase(v.end_of_generation, id);
    v.types[static_cast<size_t>(id)] = TokenType::kNormal;
  }
  std::sort(v.end_of_generation.begin(), v.end_of_generation.end());
  v.end_of_generation.erase(std::unique(v.end_of_generation.begin(), v.end_of_generation.end()),
                            v.end_of_generation.end());
}

Result<std::unique_ptr<Tokenizer>> MakeTokenizer(Vocabulary vocabulary) {
  if (auto sizes = CheckSizes(vocabulary); !sizes) return tl::unexpected(sizes.error());
  for (size_t i = 0; i < vocabulary.tokens.size(); ++i) {
    if (vocabulary.tokens[i].empty()) vocabulary.tokens[i] = "[EMPTY_" + std::to_string(i) + "]";
  }
  if (auto ids = CheckIds(vocabulary); !ids) return tl::unexpected(ids.error());
  TokenIndex index;
  if (const TokenId twice = index.Build(vocabulary.tokens); twice >= 0) {
    return Fail(ErrorCode::kCorrupt,
                "token " + std::to_string(twice) + " has the spelling of another token");
  }
  ClassifyBySpelling(index, vocabulary);
  switch (vocabulary.kind) {
    case VocabularyKind::kBytePairs: {
      auto pre_tokenizer = PreTokenizer::ForName(vocabulary.pre_tokenizer);
      if (!pre_tokenizer) return tl::unexpected(pre_tokenizer.error());
      return std::make_unique<BpeTokenizer>(std::move(vocabulary), std::move(index),
                                            *std::move(pre_tokenizer));
    }
    case VocabularyKind::kSentencePiece:
      return std::make_unique<SpmTokenizer>(std::move(vocabulary), std::move(index));
    case VocabularyKind::kWordPiece:
      return std::make_unique<WordPieceTokenizer>(std::move(vocabulary), std::move(index));
  }
  return Fail(ErrorCode::kInternal, "unknown kind of vocabulary");
}

}  // namespace dure::text
