// Real vocabularies against ids recorded from llama.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "formats/gguf.h"
#include "tests/text/model_files.h"
#include "text/tokenizer.h"

namespace dure::text {
namespace {

struct Golden {
  std::string file;  // in tests/data/goldens
  std::string model;
  bool spaces_are_marks;  // the vocabulary spells a space as U+2581, so that one cannot come back
  std::vector<std::string> ends;
};

class TokenizerGoldenTest : public testing::TestWithParam<Golden> {
 protected:
  void SetUp() override {
    golden_ = ReadJson(std::string(DURE_TEST_DATA) + "/goldens/" + GetParam().file);
    ASSERT_TRUE(golden_.is_object());
    const std::string path = ModelPath(GetParam().model);
    if (!Exists(path)) GTEST_SKIP() << path << " is not there";
    auto file = formats::GgufFile::Open(path);
    ASSERT_TRUE(file.has_value()) << file.error().message;
    auto tokenizer = Tokenizer::FromGguf(**file);
    ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
    tokenizer_ = *std::move(tokenizer);
  }

  nlohmann::ordered_json golden_;
  std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_P(TokenizerGoldenTest, IdsAreLlamaCpps) {
  ASSERT_GT(golden_["cases"].size(), 300u);
  for (const auto& test : golden_["cases"]) {
    const auto text = test["text"].get<std::string>();
    EXPECT_EQ(tokenizer_->Encode(text, ControlTokens::kAsText),
              test["ids"].get<std::vector<TokenId>>())
        << text;
    if (test.contains("ids_parse_special")) {
      EXPECT_EQ(tokenizer_->Encode(text, ControlTokens::kParse),
                test["ids_parse_special"].get<std::vector<TokenId>>())
          << text;
    }
  }
}

TEST_P(TokenizerGoldenTest, TextFromInputNeverBecomesAControlToken) {
  for (const auto& test : golden_["cases"]) {
    RenderedPrompt prompt;
    prompt.text = test["text"].get<std::string>();
    prompt.from_input.push_back({0, prompt.text.size()});
    const auto ids = tokenizer_->Encode(prompt);
    EXPECT_EQ(ids, test["ids"].get<std::vector<TokenId>>()) << prompt.text;
    for (const TokenId id : ids) EXPECT_FALSE(tokenizer_->IsControl(id)) << prompt.text;
  }
}

TEST_P(TokenizerGoldenTest, TextOfTheTemplateIsParsedWhole) {
  for (const auto& test : golden_["cases"]) {
    if (!test.contains("ids_parse_special")) continue;
    RenderedPrompt prompt;
    prompt.text = test["text"].get<std::string>();
    EXPECT_EQ(tokenizer_->Encode(prompt), test["ids_parse_special"].get<std::vector<TokenId>>())
        << prompt.text;
  }
}

TEST_P(TokenizerGoldenTest, DetokenizerGivesTheTextBack) {
  for (const auto& test : golden_["cases"]) {
    const auto text = test["text"].get<std::string>();
    if (GetParam().spaces_are_marks && text.find("\u2581") != std::string::npos) continue;
    Detokenizer detokenizer(*tokenizer_);
    std::string out;
    for (const TokenId id : test["ids"]) out += detokenizer.Push(id);
    out += detokenizer.Flush();
    EXPECT_EQ(out, text);
  }
}

TEST_P(TokenizerGoldenTest, KnowsWhereAnswersEnd) {
  for (const std::string& end : GetParam().ends) {
    const auto id = tokenizer_->FindToken(end);
    ASSERT_TRUE(id.has_value()) << end;
    EXPECT_TRUE(tokenizer_->IsEndOfGeneration(*id)) << end;
    EXPECT_TRUE(tokenizer_->IsControl(*id)) << end;
    EXPECT_EQ(tokenizer_->TokenBytes(*id), "") << end;
    EXPECT_EQ(tokenizer_->TokenBytes(*id, true), end);
  }
  EXPECT_EQ(tokenizer_->TokenBytes(-1), "");
  EXPECT_EQ(tokenizer_->TokenBytes(tokenizer_->vocab_size()), "");
}

INSTANTIATE_TEST_SUITE_P(Models, TokenizerGoldenTest,
                         testing::Values(Golden{"tokenize_smollm2.json",
                                                "SmolLM2-135M-Instruct.Q4_1.gguf",
                                                false,
                                                {"<|im_end|>", "<|endoftext|>"}},
                                         Golden{"tokenize_qwen2.json",
                                                "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                                                false,
                                                {"<|im_end|>", "<|endoftext|>"}},
                                         Golden{"tokenize_gemma3.json",
                                                "gemma3-270m-q4_k_m.gguf",
                                                true,
                                                {"<end_of_turn>", "<eos>"}}),
                         [](const auto& model) {
                           const std::string& file = model.param.file;
                           return file.substr(9, file.find('.') - 9);
                         });

}  // namespace
}  // namespace dure::text
