// tokenizer.json: what is read, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "text/vocabulary.h"

namespace dure::text {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

json SmallFile() {
  return json::parse(R"({
    "added_tokens": [{"id": 0, "content": "[UNK]", "special": true},
                     {"id": 1, "content": "[CLS]", "special": true},
                     {"id": 2, "content": "[SEP]", "special": true}],
    "normalizer": {"type": "BertNormalizer", "lowercase": true, "strip_accents": null},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 100,
              "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "play": 3, "##ing": 4}}})");
}

TEST(VocabularyJson, MarksWordsAndBaresContinuations) {
  const auto v = ReadVocabularyJson(SmallFile());
  ASSERT_TRUE(v.has_value()) << v.error().message;
  EXPECT_THAT(v->tokens, ElementsAre("[UNK]", "[CLS]", "[SEP]", "\xE2\x96\x81play", "ing"));
  EXPECT_EQ(v->bos, 1);
  EXPECT_EQ(v->eos, 2);
  EXPECT_EQ(v->unknown, 0);
  EXPECT_EQ(v->longest_word, 100u);
  EXPECT_TRUE(v->lowercase);
  EXPECT_TRUE(v->strip_accents);
  const auto tokenizer = MakeTokenizer(*v);
  ASSERT_TRUE(tokenizer.has_value());
  EXPECT_THAT((*tokenizer)->Encode("Playing play", ControlTokens::kAsText), ElementsAre(3, 4, 3));
}

TEST(VocabularyJson, RefusesWhatContradictsItself) {
  const auto error = [](const std::function<void(json*)>& damage) {
    json file = SmallFile();
    damage(&file);
    const auto v = ReadVocabularyJson(file);
    return v ? std::string() : v.error().message;
  };
  EXPECT_THAT(error([](json* f) { (*f)["model"]["type"] = "Unigram"; }), HasSubstr("Unigram"));
  EXPECT_THAT(error([](json* f) { (*f)["normalizer"]["type"] = "NFC"; }), HasSubstr("NFC"));
  EXPECT_THAT(error([](json* f) { (*f)["model"]["vocab"]["play"] = 9u; }), HasSubstr("play"));
  EXPECT_THAT(error([](json* f) { (*f)["model"]["vocab"]["play"] = -1; }), HasSubstr("play"));
  EXPECT_THAT(error([](json* f) { (*f)["model"]["vocab"]["play"] = 4u; }), HasSubstr("two tokens"));
  EXPECT_THAT(error([](json* f) { (*f)["model"]["vocab"] = json::array(); }), HasSubstr("vocab"));
  EXPECT_THAT(error([](json* f) { (*f)["added_tokens"][0]["id"] = 77u; }),
              HasSubstr("added token"));
  EXPECT_THAT(error([](json* f) { *f = json::array(); }), HasSubstr("not supported"));
}

}  // namespace
}  // namespace dure::text
