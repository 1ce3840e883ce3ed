// Sentence vectors: close to what other programs compute, and the same bits whatever the company,
// the threads, the instruction set and the kind of file.
#include "models/encoder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/thread_team.h"
#include "formats/model_folder.h"
#include "formats/sha256.h"
#include "numerics/kernels.h"
#include "tests/models/tiny_bert.h"
#include "tests/numerics/random_data.h"
#include "tests/numerics/same_bits.h"
#include "text/encoder_input.h"

namespace dure::models {
namespace {

using testing::TinyBert;
using testing::TinyBertWriter;
using Texts = std::vector<std::vector<int32_t>>;

std::filesystem::path TempPath(const std::string& name) {
  return std::filesystem::temp_directory_path() /
         ("dure_" + name + "_" + std::to_string(::getpid()));
}

/// A loaded encoder with threads of its own.
class Runner {
 public:
  explicit Runner(const TinyBert& shape, const numerics::Kernels* kernels = nullptr,
                  int threads = 2)
      : team_(threads) {
    const auto path = TempPath("tiny_bert.gguf");
    EXPECT_TRUE(TinyBertWriter(shape).WriteGguf(path).has_value());
    sha256_ = *formats::Sha256OfFile(path);
    auto file = formats::GgufFile::Open(path);
    std::filesystem::remove(path);
    LoadOptions options;
    options.kernels = kernels;
    options.team = &team_;
    auto encoder = LoadEncoder(**file, options);
    EXPECT_TRUE(encoder.has_value()) << (encoder ? "" : encoder.error().message);
    if (encoder) encoder_ = *std::move(encoder);
  }
  /// From a folder.
  explicit Runner(const std::filesystem::path& folder) : team_(2) {
    LoadOptions options;
    options.team = &team_;
    auto encoder = LoadEncoderFolder(folder, options);
    EXPECT_TRUE(encoder.has_value()) << (encoder ? "" : encoder.error().message);
    if (encoder) encoder_ = *std::move(encoder);
  }

  std::vector<float> Vectors(const Texts& texts) {
    std::vector<float> out(texts.size() * encoder_->config().width);
    auto done = encoder_->Encode(texts, out);
    EXPECT_TRUE(done.has_value()) << (done ? "" : done.error().message);
    return out;
  }
  Encoder& encoder() { return *encoder_; }
  const std::string& sha256() const { return sha256_; }

 private:
  ThreadTeam team_;
  std::string sha256_;
  std::unique_ptr<Encoder> encoder_;
};

double Cosine(const float* a, const std::vector<float>& b) {
  double ab = 0;
  double aa = 0;
  double bb = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    ab += double{a[i]} * b[i];
    aa += double{a[i]} * a[i];
    bb += double{b[i]} * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

nlohmann::json Recorded(const char* name) {
  std::ifstream in(std::string(DURE_TEST_DATA) + "/logits/" + name);
  return nlohmann::json::parse(in);
}

// llama.cpp takes the tanh form of gelu, from a float16 table, for what BERT defines with erf:
// hence a bound on the cosine and not on each number.
TEST(TinyEncoder, GivesTheVectorsOfLlamaCpp) {
  for (const auto& [name, pooling] :
       {std::pair("bert_mean", 1), std::pair("bert_first_token", 2)}) {
    const auto recorded = Recorded("encoders.json").at(name);
    TinyBert shape;
    shape.pooling = pooling;
    Runner runner(shape);
    ASSERT_EQ(runner.sha256(), recorded.at("sha256").get<std::string>())
        << "the writer changed: record anew";
    const auto vectors = runner.Vectors(TinyBertTexts(shape));
    const std::vector<std::vector<float>> expected = recorded.at("vectors");
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_GE(Cosine(&vectors[i * shape.width], expected[i]), 1 - 1e-4) << name << " " << i;
    }
    // The texts differ, and the bound tells them apart.
    EXPECT_LT(Cosine(vectors.data(), expected[1]), 1 - 1e-2);
  }
}

TEST(TinyEncoder, CompanyDoesNotMatter) {
  const TinyBert shape;
  Runner runner(shape);
  Texts texts = TinyBertTexts(shape);
  std::vector<float> alone;
  for (const auto& text : texts) {
    const auto one = runner.Vectors({text});
    alone.insert(alone.end(), one.begin(), one.end());
  }
  numerics::testing::ExpectSameBits(alone, runner.Vectors(texts), "together");
  // Many more, so that they are computed in several batches.
  Texts many;
  for (int i = 0; i < 12; ++i) many.insert(many.end(), texts.begin(), texts.end());
  const auto all = runner.Vectors(many);
  numerics::testing::ExpectSameBits(alone, {all.end() - alone.size(), all.end()}, "many");
}

TEST(TinyEncoder, ThreadsAndInstructionSetsGiveTheSameBits) {
  const TinyBert shape;
  const Texts texts = TinyBertTexts(shape);
  const auto expected =
      Runner(shape, numerics::KernelsFor(numerics::Isa::kReference), 2).Vectors(texts);
  for (const int threads : {1, 3}) {
    numerics::testing::ExpectSameBits(expected, Runner(shape, nullptr, threads).Vectors(texts),
                                      "threads");
  }
  for (const numerics::Kernels* kernels : numerics::testing::FastKernels()) {
    numerics::testing::ExpectSameBits(expected, Runner(shape, kernels, 1).Vectors(texts),
                                      kernels->name);
  }
}

TEST(TinyEncoder, AFolderGivesTheBitsOfTheGguf) {
  const auto folder = TempPath("tiny_bert");
  for (const int pooling : {1, 2}) {
    TinyBert shape;
    shape.pooling = pooling;
    TinyBertWriter(shape).WriteFolder(folder);
    const Texts texts = TinyBertTexts(shape);
    numerics::testing::ExpectSameBits(Runner(shape).Vectors(texts), Runner(folder).Vectors(texts),
                                      "folder");
  }
  auto tokenizer = text::Tokenizer::FromJsonFile(folder / "tokenizer.json");
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  const auto tokens = text::EncoderInput(**tokenizer, "W5 [SEP] nothing w49", 160);
  ASSERT_TRUE(tokens.has_value());
  EXPECT_EQ(tokens->front(), 2);
  EXPECT_EQ(tokens->back(), 3);
  EXPECT_EQ((*tokens)[1], 5);
  EXPECT_EQ(std::count(tokens->begin(), tokens->end(), 3), 1) << "[SEP] in a text is text";
  const auto too_long = text::EncoderInput(**tokenizer, "w5 w6 w7", 4);
  ASSERT_FALSE(too_long.has_value());
  EXPECT_EQ(too_long.error().code, ErrorCode::kContextLengthExceeded);
  std::filesystem::remove_all(folder);
}

TEST(TinyEncoder, RefusesTextsThatDoNotFit) {
  const TinyBert shape;
  Runner runner(shape);
  std::vector<float> out(shape.width);
  const auto code = [&](const Texts& texts) {
    auto done = runner.encoder().Encode(texts, out);
    return done ? ErrorCode::kInternal : done.error().code;
  };
  EXPECT_EQ(code({{}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({{2, -1, 3}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({{2, shape.vocabulary, 3}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({{2, 3}, {2, 3}}), ErrorCode::kInvalidArgument);  // too little room
  EXPECT_EQ(code({std::vector<int32_t>(shape.context + 1, 5)}), ErrorCode::kContextLengthExceeded);
}

std::string LoadError(const TinyBert& shape) {
  const auto path = TempPath("bad_bert.gguf");
  EXPECT_TRUE(TinyBertWriter(shape).WriteGguf(path).has_value());
  auto file = formats::GgufFile::Open(path);
  std::filesystem::remove(path);
  ThreadTeam team(2);
  LoadOptions options;
  options.team = &team;
  auto encoder = LoadEncoder(**file, options);
  return encoder ? "" : encoder.error().message;
}

TEST(TinyEncoder, BadFilesAreRefusedByName) {
  TinyBert shape;
  shape.skip_tensor = "blk.1.layer_output_norm.bias";
  EXPECT_NE(LoadError(shape).find("lacks the tensor \"blk.1.layer_output_norm.bias\""),
            std::string::npos);
  const auto with = [](const char* key, uint32_t value) {
    TinyBert damaged;
    damaged.settings = [=](formats::GgufWriter* w) { w->SetUint32(key, value); };
    return LoadError(damaged);
  };
  EXPECT_NE(with("bert.attention.head_count", 3).find("3 heads"), std::string::npos);
  EXPECT_NE(with("bert.attention.head_count", 8).find("heads of 8"), std::string::npos);
  EXPECT_NE(with("bert.block_count", 0).find("bert.block_count is 0"), std::string::npos);
  EXPECT_NE(with("bert.pooling_type", 4).find("bert.pooling_type is 4"), std::string::npos);
  EXPECT_NE(with("bert.context_length", 512).find("\"position_embd.weight\" is"),
            std::string::npos);
}

TEST(TinyEncoder, IsNoDecoder) {
  const auto path = TempPath("no_decoder.gguf");
  ASSERT_TRUE(TinyBertWriter({}).WriteGguf(path).has_value());
  auto file = formats::GgufFile::Open(path);
  std::filesystem::remove(path);
  EXPECT_TRUE(IsEncoder(**file));
  ThreadTeam team(1);
  LoadOptions options;
  options.team = &team;
  auto model = LoadModel(**file, options);
  ASSERT_FALSE(model.has_value());
  EXPECT_NE(model.error().message.find("vectors and no text"), std::string::npos);
}

TEST(TinyEncoder, BadFoldersAreRefusedByName) {
  const auto folder = TempPath("bad_bert");
  TinyBertWriter({}).WriteFolder(folder);
  const auto error = [&] {
    ThreadTeam team(1);
    LoadOptions options;
    options.team = &team;
    auto encoder = LoadEncoderFolder(folder, options);
    return encoder ? std::string() : encoder.error().message;
  };
  const auto rewrite = [&](const char* name, const std::string& text) {
    std::ofstream(folder / name) << text;
  };
  EXPECT_EQ(error(), "");
  rewrite("1_Pooling/config.json", R"({"pooling_mode_max_tokens": true})");
  EXPECT_NE(error().find("1_Pooling/config.json"), std::string::npos);
  rewrite("modules.json", R"([{"type": "sentence_transformers.models.Dense"}])");
  std::filesystem::remove_all(folder / "1_Pooling");
  EXPECT_NE(error().find("models.Dense"), std::string::npos);
  rewrite("config.json", R"({"model_type": "roberta"})");
  EXPECT_NE(error().find("\"model_type\" is not \"bert\""), std::string::npos);
  rewrite("config.json", "{");
  EXPECT_NE(error().find("config.json is no JSON"), std::string::npos);
  std::filesystem::remove(folder / "config.json");
  EXPECT_NE(error().find("config.json"), std::string::npos);
  std::filesystem::remove_all(folder);
}

// The published model: token ids as the tokenizers library gives them, vectors as float64 gives
// them (tests/models/oracle/record_minilm.py).
TEST(MiniLm, GivesTheRecordedTokensAndVectors) {
  const std::string folder = formats::DefaultModelFolder().value_or("") + "/all-MiniLM-L6-v2";
  if (!std::filesystem::exists(folder + "/model.safetensors")) {
    GTEST_SKIP() << "all-MiniLM-L6-v2 is not in the model folder";
  }
  auto tokenizer = text::Tokenizer::FromJsonFile(folder + "/tokenizer.json");
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  Runner runner{std::filesystem::path(folder)};
  Texts texts;
  std::vector<std::vector<float>> expected;
  for (const auto& entry : Recorded("minilm.json")) {
    auto tokens = text::EncoderInput(**tokenizer, entry.at("text").get<std::string>(),
                                     runner.encoder().config().context_length);
    ASSERT_TRUE(tokens.has_value());
    EXPECT_EQ(*tokens, entry.at("tokens").get<std::vector<int32_t>>()) << entry.at("text");
    texts.push_back(*tokens);
    expected.push_back(entry.at("vector"));
  }
  const auto vectors = runner.Vectors(texts);
  const size_t width = runner.encoder().config().width;
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_GE(Cosine(&vectors[i * width], expected[i]), 1 - 1e-4) << i;
  }
}

}  // namespace
}  // namespace dure::models
