// The promise of docs/numerics.md on whole models: logits of a position have the same bits whatever
// the instruction set, the number of threads, the cut of the prompt and the company in the batch.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/thread_team.h"
#include "models/kv_storage.h"
#include "models/registry.h"
#include "numerics/kernels.h"
#include "tests/models/full_shapes.h"
#include "tests/numerics/same_bits.h"

namespace dure::models {
namespace {

using numerics::BlockType;
using numerics::Isa;
using numerics::KernelsFor;

std::vector<int32_t> RandomTokens(int count, unsigned seed) {
  std::mt19937 rng(seed);
  std::vector<int32_t> out(count);
  for (int32_t& token : out) token = static_cast<int32_t>(rng() % 256);
  return out;
}

/// A loaded model with a cache of its own.
class Runner {
 public:
  Runner(const std::string& path, const numerics::Kernels* kernels, int threads) : team_(threads) {
    auto file = formats::GgufFile::Open(path);
    EXPECT_TRUE(file.has_value());
    LoadOptions options;
    options.kernels = kernels;
    options.team = &team_;
    auto model = LoadModel(**file, options);
    EXPECT_TRUE(model.has_value()) << (model ? "" : model.error().message);
    model_ = *std::move(model);
    kv_ = *KvStorage::Create(model_->config(), 64);
  }

  /// One sequence of a step: tokens at positions from `start`, in the cache blocks given.
  struct Part {
    std::vector<int32_t> tokens;
    int start;
    std::vector<int32_t> blocks;
  };

  /// Logits of every row of every part, concatenated.
  std::vector<float> Step(const std::vector<Part>& parts) {
    std::vector<StepRow> rows;
    std::vector<SequenceView> sequences;
    std::vector<int32_t> logit_rows;
    for (const Part& part : parts) {
      for (size_t i = 0; i < part.tokens.size(); ++i) {
        logit_rows.push_back(static_cast<int32_t>(rows.size()));
        rows.push_back({part.tokens[i], part.start + static_cast<int>(i),
                        static_cast<int32_t>(sequences.size())});
      }
      sequences.push_back({part.blocks});
    }
    std::vector<float> logits(logit_rows.size() * model_->config().vocab_size);
    auto done = model_->Forward({rows, sequences, logit_rows}, *kv_, logits);
    EXPECT_TRUE(done.has_value()) << (done ? "" : done.error().message);
    return logits;
  }

  /// The whole text in pieces of `chunk` tokens.
  std::vector<float> InChunks(const std::vector<int32_t>& tokens, int chunk,
                              const std::vector<int32_t>& blocks) {
    std::vector<float> all;
    for (size_t at = 0; at < tokens.size(); at += chunk) {
      const size_t end = std::min(tokens.size(), at + chunk);
      const auto logits =
          Step({{{tokens.begin() + at, tokens.begin() + end}, static_cast<int>(at), blocks}});
      all.insert(all.end(), logits.begin(), logits.end());
    }
    return all;
  }

 private:
  ThreadTeam team_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<KvStorage> kv_;
};

const std::vector<int32_t> kBlocks = {3, 9, 1, 20, 7, 30, 2, 40, 11};
const std::vector<int32_t> kOtherBlocks = {4, 5, 6, 8, 10, 12, 13, 14, 15};

class Architectures : public ::testing::TestWithParam<std::tuple<std::string, BlockType>> {
 protected:
  void SetUp() override {
    path_ = testing::WriteTinyModel(
        testing::FullShape(std::get<0>(GetParam()), std::get<1>(GetParam())));
    ASSERT_FALSE(path_.empty());
  }
  void TearDown() override { std::filesystem::remove(path_); }

  std::string path_;
};

TEST_P(Architectures, InstructionSetsGiveTheSameBits) {
  const auto tokens = RandomTokens(11, 1);
  const auto expected = Runner(path_, KernelsFor(Isa::kReference), 2).InChunks(tokens, 11, kBlocks);
  for (const float logit : expected) ASSERT_TRUE(std::isfinite(logit));
  for (const numerics::Kernels* kernels : numerics::testing::FastKernels()) {
    numerics::testing::ExpectSameBits(
        expected, Runner(path_, kernels, 1).InChunks(tokens, 11, kBlocks), kernels->name);
  }
}

TEST_P(Architectures, ThreadsAndChunksDoNotMatter) {
  const auto tokens = RandomTokens(271, 2);  // three attention chunks
  Runner one(path_, nullptr, 1);
  const auto expected = one.InChunks(tokens, 271, kBlocks);
  for (const auto& [threads, chunks] :
       {std::pair<int, std::vector<int>>(2, {64, 1}), {3, {271, 7}}}) {
    Runner runner(path_, nullptr, threads);
    for (const int chunk : chunks) {
      numerics::testing::ExpectSameBits(expected, runner.InChunks(tokens, chunk, kBlocks),
                                        "chunks");
    }
  }
}

TEST_P(Architectures, CompanyDoesNotMatter) {
  const auto tokens = RandomTokens(200, 3);
  const auto others = RandomTokens(140, 4);
  Runner runner(path_, nullptr, 2);
  const auto alone = runner.InChunks(tokens, 200, kBlocks);
  const std::vector<int32_t> head(tokens.begin(), tokens.begin() + 199);
  runner.Step({{others, 0, kOtherBlocks}, {head, 0, kBlocks}});
  const auto together =
      runner.Step({{{others[5]}, 140, kOtherBlocks}, {{tokens[199]}, 199, kBlocks}});
  const size_t vocabulary = alone.size() / tokens.size();
  numerics::testing::ExpectSameBits({alone.end() - vocabulary, alone.end()},
                                    {together.end() - vocabulary, together.end()}, "together");
}

INSTANTIATE_TEST_SUITE_P(Tiny, Architectures, ::testing::ValuesIn(testing::FullCases()),
                         [](const auto& info) {
                           std::string name =
                               std::get<0>(info.param) + "_" +
                               std::string(numerics::InfoOf(std::get<1>(info.param)).name);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace dure::models
