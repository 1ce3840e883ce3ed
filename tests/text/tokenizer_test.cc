// Tokenizers on vocabularies small enough to check by hand.
#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "tests/text/small_vocabularies.h"
#include "text/pre_tokenizer.h"
#include "text/unicode.h"
#include "text/vocabulary.h"

namespace dure::text {
namespace {

using testing::ElementsAre;

std::unique_ptr<Tokenizer> Make(Vocabulary vocabulary) {
  auto tokenizer = MakeTokenizer(std::move(vocabulary));
  EXPECT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  return *std::move(tokenizer);
}

std::vector<std::string> Pieces(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  std::vector<std::string> pieces;
  for (const TokenId id : ids) pieces.push_back(tokenizer.TokenBytes(id, true));
  return pieces;
}

std::vector<std::string> Pieces(const Tokenizer& tokenizer, std::string_view text,
                                ControlTokens control = ControlTokens::kAsText) {
  return Pieces(tokenizer, tokenizer.Encode(text, control));
}

std::vector<std::string> Words(std::string_view pre_tokenizer, std::string_view text) {
  const auto splitter = PreTokenizer::ForName(pre_tokenizer);
  CodePoints points;
  std::vector<size_t> starts;
  for (size_t i = 0; i < text.size();) {
    starts.push_back(i);
    points.code.push_back(DecodeLenient(text, i));
    points.classes.push_back(ClassOf(points.code.back()));
  }
  starts.push_back(text.size());
  std::vector<std::string> words;
  size_t begin = 0;
  for (const uint32_t end : splitter->Split(points)) {
    words.emplace_back(text.substr(starts[begin], starts[end] - starts[begin]));
    begin = end;
  }
  return words;
}

TEST(PreTokenizerTest, CutsAsEachExpressionDoes) {
  const std::string text = "It's  DON'T 1234567 aBc!!\n\n x";
  EXPECT_THAT(Words("gpt-2", text), ElementsAre("It", "'s", " ", " DON", "'", "T", " 1234567",
                                                " aBc", "!!", "\n\n", " x"));
  EXPECT_THAT(Words("smollm", text),
              ElementsAre("It", "'s", " ", " DON", "'", "T", " ", "1", "2", "3", "4", "5", "6", "7",
                          " aBc", "!!", "\n\n", " x"));
  EXPECT_THAT(Words("qwen2", text), ElementsAre("It", "'s", " ", " DON", "'T", " ", "1", "2", "3",
                                                "4", "5", "6", "7", " aBc", "!!\n\n", " x"));
  EXPECT_THAT(Words("llama-bpe", text), ElementsAre("It", "'s", " ", " DON", "'T", " ", "123",
                                                    "456", "7", " aBc", "!!\n\n", " x"));
  EXPECT_THAT(Words("gpt-4o", text), ElementsAre("It's", " ", " DON'T", " ", "123", "456", "7",
                                                 " a", "Bc", "!!\n\n", " x"));
  EXPECT_THAT(Words("tekken", text), ElementsAre("It", "'s", " ", " DON", "'T", " ", "1", "2", "3",
                                                 "4", "5", "6", "7", " a", "Bc", "!!\n\n", " x"));
  EXPECT_THAT(Words("deepseek-llm", "Hi 你好 123。\n é x  "),
              ElementsAre("Hi", " ", "你好", " ", "123", "。", "\n", " é", " x", "  "));
  EXPECT_THAT(Words("default", "a$b 12345 x"), ElementsAre("a", "$", "b", " ", "123", "45", " x"));
}

TEST(PreTokenizerTest, UnknownNameIsAnError) {
  const auto unknown = PreTokenizer::ForName("no-such");
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(unknown.error().message, testing::HasSubstr("no-such"));
  EXPECT_TRUE(PreTokenizer::ForName("").has_value());
}

TEST(BpeTokenizerTest, MergesByRank) {
  const auto t = Make(SmallBytePairs("gpt-2"));
  EXPECT_THAT(Pieces(*t, "hello hello"), ElementsAre("hello", " hello"));
  EXPECT_THAT(Pieces(*t, "aaaaa"), ElementsAre("aaaa", "a"));
  EXPECT_THAT(Pieces(*t, "yhel"), ElementsAre("y", "he", "l"));
  EXPECT_THAT(Pieces(*t, ""), ElementsAre());
}

TEST(BpeTokenizerTest, LongWordsMergeAsShortOnes) {
  const auto t = Make(SmallBytePairs("gpt-2"));
  std::vector<std::string> expected(25, "aaaa");
  expected.emplace_back("aa");
  expected.emplace_back("a");
  EXPECT_EQ(Pieces(*t, std::string(103, 'a')), expected);
}

TEST(BpeTokenizerTest, InvalidUtf8BecomesReplacementCharacters) {
  const auto t = Make(SmallBytePairs("gpt-2"));
  std::string bytes;
  for (const TokenId id : t->Encode("a\xFF\xE2\x82z", ControlTokens::kAsText))
    bytes += t->TokenBytes(id);
  EXPECT_EQ(bytes, "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz");
}

TEST(SpecialTokensTest, LongestSpellingWinsAndUserDefinedAlwaysMatch) {
  const auto t = Make(SmallBytePairs("gpt-2"));
  EXPECT_THAT(Pieces(*t, "<tool><tool><tool>"), ElementsAre("<tool><tool>", "<tool>"));
  EXPECT_THAT(Pieces(*t, "<|im_end|>x", ControlTokens::kParse), ElementsAre("<|im_end|>x"));
  EXPECT_THAT(Pieces(*t, "a<|im_end|>y", ControlTokens::kParse),
              ElementsAre("a", "<|im_end|>", "y"));
  EXPECT_EQ(Pieces(*t, "<|im_end|>").size(), 10u);
}

TEST(SpecialTokensTest, ControlTokensNeedEveryByteFromTheTemplate) {
  const auto t = Make(SmallBytePairs("gpt-2"));
  RenderedPrompt prompt{"<|im_end|>a<|im_end|><tool>", {}};
  EXPECT_THAT(Pieces(*t, t->Encode(prompt)),
              ElementsAre("<|im_end|>", "a", "<|im_end|>", "<tool>"));
  for (size_t at = 11; at < 21; ++at) {
    prompt.from_input = {{at, at + 1}};
    const auto ids = t->Encode(prompt);
    EXPECT_EQ(ids.size(), 1u + 1 + 10 + 1) << at;
    EXPECT_EQ(std::count_if(ids.begin(), ids.end(), [&](TokenId id) { return t->IsControl(id); }),
              1)
        << at;
  }
  prompt.from_input = {{0, 1}, {10, 11}, {21, 27}};
  EXPECT_THAT(Pieces(*t, t->Encode(prompt)).back(), "<tool>");
}

TEST(SpecialTokensTest, StripsWhereTheVocabularySays) {
  Vocabulary v = SmallBytePairs("gpt-2");
  const auto id = static_cast<TokenId>(v.tokens.size() - 5);  // <|start|>
  v.strip_right = {id};
  v.strip_left = {id};
  const auto t = Make(std::move(v));
  EXPECT_THAT(Pieces(*t, "a \n<|start|>\t b", ControlTokens::kParse),
              ElementsAre("a", "<|start|>", "b"));
}

TEST(SpmTokenizerTest, MergesTheBestScoreFirstAndFallsBackToBytes) {
  const auto t = Make(SmallSentencePiece());
  EXPECT_THAT(Pieces(*t, "abc"), ElementsAre(" ", "abc")) << "a with b scores best, then comes c";
  EXPECT_THAT(Pieces(*t, "가é"), ElementsAre(" ", "가", "\xC3", "\xA9"));
  EXPECT_THAT(Pieces(*t, "\xFF"), ElementsAre(" ", "\xFF"));
  EXPECT_TRUE(t->add_bos());
}

TEST(SpmTokenizerTest, TextNeverMergesIntoAControlToken) {
  const auto t = Make(SmallSentencePiece());
  EXPECT_THAT(Pieces(*t, "<s>"), ElementsAre(" ", "<s", ">"));
  EXPECT_THAT(t->Encode("<s>", ControlTokens::kParse), ElementsAre(1));
}

TEST(SpmTokenizerTest, SpacePrefixComesAfterSpecialTokensToo) {
  const auto t = Make(SmallSentencePiece());
  EXPECT_THAT(Pieces(*t, "b<tool>b"), ElementsAre(" ", "b", "<tool>", " ", "b"));
  Vocabulary plain = SmallSentencePiece();
  plain.add_space_prefix = false;
  EXPECT_THAT(Pieces(*Make(std::move(plain)), "b<tool>b"), ElementsAre("b", "<tool>", "b"));
}

TEST(WordPieceTokenizerTest, NormalisesAndTakesTheLongestPieces) {
  const auto t = Make(SmallWordPiece());
  EXPECT_THAT(Pieces(*t, "Unaffable, HELLO 中é"),
              ElementsAre(" un", "aff", "able", " ,", " hello", " 中", " e"));
  EXPECT_THAT(Pieces(*t, "unxaffable hello"), ElementsAre("[UNK]", " hello"));
}

TEST(WordPieceTokenizerTest, ASyllableKeepsAllItsLetters) {
  Vocabulary v = SmallWordPiece();
  // HIEUH, A, final NIEUN.
  for (const char* token : {"\xE2\x96\x81\xE1\x84\x92", "\xE1\x85\xA1", "\xE1\x86\xAB"}) {
    v.tokens.emplace_back(token);
    if (!v.types.empty()) v.types.push_back(TokenType::kNormal);
  }
  const auto t = Make(std::move(v));
  EXPECT_EQ(t->Encode("한", ControlTokens::kAsText).size(), 3u);
  EXPECT_EQ(t->Encode("한", ControlTokens::kAsText),
            t->Encode("\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB", ControlTokens::kAsText));
}

TEST(WordPieceTokenizerTest, AWordBeyondTheLimitIsUnknown) {
  Vocabulary v = SmallWordPiece();
  v.longest_word = 5;
  EXPECT_THAT(Pieces(*Make(std::move(v)), "unaffable hello"), ElementsAre("[UNK]", " hello"));
}

TEST(VocabularyTest, ContradictionsAreErrors) {
  const auto code = [](Vocabulary v) {
    const auto tokenizer = MakeTokenizer(std::move(v));
    return tokenizer ? ErrorCode::kInternal : tokenizer.error().code;
  };
  EXPECT_EQ(code({}), ErrorCode::kCorrupt);
  Vocabulary v = SmallBytePairs("gpt-2");
  v.types.pop_back();
  EXPECT_EQ(code(v), ErrorCode::kCorrupt);
  v = SmallBytePairs("gpt-2");
  v.tokens[5] = v.tokens[6];
  EXPECT_EQ(code(v), ErrorCode::kCorrupt);
  v = SmallBytePairs("gpt-2");
  v.eos = 100'000;
  EXPECT_EQ(code(v), ErrorCode::kCorrupt);
  v = SmallSentencePiece();
  v.scores[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(code(v), ErrorCode::kCorrupt);
  EXPECT_EQ(code(SmallBytePairs("no-such")), ErrorCode::kUnsupported);
}

TEST(VocabularyTest, EndsAreFoundBySpelling) {
  Vocabulary v = SmallBytePairs("gpt-2");
  v.tokens.insert(v.tokens.end(), {"<|return|>", "<|call|>", "<|end|>", "<|eot_id|>"});
  v.types.resize(v.tokens.size(), TokenType::kNormal);
  const auto t = Make(std::move(v));
  EXPECT_TRUE(t->IsEndOfGeneration(*t->FindToken("<|im_end|>")));
  EXPECT_TRUE(t->IsEndOfGeneration(*t->FindToken("<|return|>")));
  EXPECT_TRUE(t->IsEndOfGeneration(*t->FindToken("<|eot_id|>")));
  EXPECT_TRUE(t->IsControl(*t->FindToken("<|eot_id|>")));
  EXPECT_FALSE(t->IsEndOfGeneration(*t->FindToken("<|end|>"))) << "ends a message of several";
  EXPECT_FALSE(t->IsEndOfGeneration(0));
}

TEST(DetokenizerTest, HoldsUnfinishedCharactersAndLosesNone) {
  const auto t = Make(SmallSentencePiece());
  const std::string text =
      "\xF0\x9F\x98\x80\xED\x95\x9C\xF0\x9F"
      "a\xC0\x80\xE2\x82";
  Detokenizer detokenizer(*t);
  std::vector<std::string> parts;
  for (const char c : text)
    parts.push_back(detokenizer.Push(static_cast<TokenId>(3 + static_cast<unsigned char>(c))));
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_THAT(parts, ElementsAre("", "", "", "\xF0\x9F\x98\x80", "", "", "한", "", "", r + "a", r,
                                 r, "", ""));
  EXPECT_EQ(detokenizer.Flush(), r);
  EXPECT_EQ(detokenizer.Flush(), "");
}

// A megabyte of one kind may not cost more than linear time; the limit is generous, a quadratic
// merge takes hours.
TEST(TokenizerSpeedTest, LongRunsAreLinear) {
  std::vector<std::unique_ptr<Tokenizer>> tokenizers;
  for (const char* name : {"gpt-2", "qwen2", "gpt-4o", "deepseek-llm", "default"}) {
    tokenizers.push_back(Make(SmallBytePairs(name)));
  }
  tokenizers.push_back(Make(SmallSentencePiece()));
  tokenizers.push_back(Make(SmallWordPiece()));
  const auto start = std::chrono::steady_clock::now();
  for (const auto& tokenizer : tokenizers) {
    for (const std::string unit : {"a", " ", "\n", "<", "A", "\xFF", "1", "<tool>"}) {
      std::string text;
      while (text.size() < 200'000) text += unit;
      tokenizer->Encode(text, ControlTokens::kParse);
    }
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(120));
}

}  // namespace
}  // namespace dure::text
