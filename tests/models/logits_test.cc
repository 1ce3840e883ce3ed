// Every architecture and every way of stretching rotary positions, against logits that llama.cpp
// computed for the same file (tests/models/oracle/record.py).
// What a case is about moves logits by a third of their spread or more: that is tested too, by
// leaving it out.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/thread_team.h"
#include "formats/sha256.h"
#include "models/kv_storage.h"
#include "models/registry.h"
#include "tests/models/tiny_cases.h"

namespace dure::models {
namespace {

using testing::TinyCase;
using testing::TinyShape;

// A model without the case's subject is at least so far away.
constexpr float kFar = 0.1f;

struct Recorded {
  std::string sha256;
  int stride;
  std::vector<std::vector<float>> logits;
};

Recorded ReadRecorded(const std::string& name) {
  std::ifstream in(std::string(DURE_TEST_DATA) + "/logits/decoders.json");
  const auto json = nlohmann::json::parse(in).at(name);
  return {json.at("sha256"), json.at("stride"), json.at("logits")};
}

/// Logits of the case's positions for this shape.
std::vector<std::vector<float>> Compute(const TinyCase& c, const TinyShape& shape,
                                        std::string* sha256, LoadOptions options = {}) {
  const std::string path = testing::WriteTinyModel(shape);
  *sha256 = *formats::Sha256OfFile(path);
  ThreadTeam team(2);
  options.team = &team;
  auto file = formats::GgufFile::Open(path);
  std::filesystem::remove(path);
  auto model = LoadModel(**file, options);
  EXPECT_TRUE(model.has_value()) << (model ? "" : model.error().message);
  if (!model) return {};
  auto kv = KvStorage::Create((*model)->config(), 16);
  std::vector<int32_t> blocks(16);
  for (int i = 0; i < 16; ++i) blocks[i] = (i * 5 + 3) % 16;
  std::vector<StepRow> rows;
  for (const int32_t token : CaseTokens(c)) {
    rows.push_back({token, static_cast<int32_t>(rows.size()), 0});
  }
  const SequenceView view = {blocks};
  const auto positions = CasePositions(c);
  const std::vector<int32_t> wanted(positions.begin(), positions.end());
  const size_t vocabulary = (*model)->config().vocab_size;
  std::vector<float> logits(wanted.size() * vocabulary);
  auto done = (*model)->Forward({rows, {&view, 1}, wanted}, **kv, logits);
  EXPECT_TRUE(done.has_value());
  std::vector<std::vector<float>> out;
  for (size_t i = 0; i < wanted.size(); ++i) {
    out.emplace_back(logits.begin() + i * vocabulary, logits.begin() + (i + 1) * vocabulary);
  }
  return out;
}

/// The largest difference, as a part of the spread of that position's logits.
float Distance(const Recorded& expected, const std::vector<std::vector<float>>& actual) {
  float worst = 0;
  for (size_t row = 0; row < expected.logits.size(); ++row) {
    const auto& want = expected.logits[row];
    const auto [low, high] = std::minmax_element(want.begin(), want.end());
    for (size_t i = 0; i < want.size(); ++i) {
      const float difference = std::abs(actual.at(row).at(i * expected.stride) - want[i]);
      worst = std::max(worst, difference / (*high - *low));
    }
  }
  return worst;
}

class Logits : public ::testing::TestWithParam<TinyCase> {};

TEST_P(Logits, AreThoseOfLlamaCpp) {
  const Recorded expected = ReadRecorded(GetParam().name);
  std::string sha256;
  const auto actual = Compute(GetParam(), GetParam().shape, &sha256);
  ASSERT_EQ(sha256, expected.sha256) << "the writer changed: record the logits anew";
  EXPECT_LE(Distance(expected, actual), GetParam().bound);
}

TEST_P(Logits, WouldBeFarOffWithoutTheSubject) {
  if (!GetParam().without) return;  // the architecture as a whole is the subject
  const Recorded expected = ReadRecorded(GetParam().name);
  TinyShape shape = GetParam().shape;
  GetParam().without(&shape);
  std::string sha256;
  EXPECT_GE(Distance(expected, Compute(GetParam(), shape, &sha256)), kFar);
}

TEST(LongRope, FactorsAreChosenWhenTheModelIsLoaded) {
  TinyCase c = testing::RopeCases()[4];
  ASSERT_EQ(c.name, "rope_long");
  std::string sha256;
  const auto long_factors = Compute(c, c.shape, &sha256);
  // Loaded for no more than the original context, the same file uses the other set, whatever the
  // length of the prompt: as a file would whose original context is longer.
  LoadOptions options;
  options.context_length = c.shape.original_context;
  const auto short_factors = Compute(c, c.shape, &sha256, options);
  EXPECT_NE(long_factors, short_factors);
  TinyShape longer = c.shape;
  longer.original_context = c.shape.context;
  EXPECT_EQ(short_factors, Compute(c, longer, &sha256));
}

INSTANTIATE_TEST_SUITE_P(Tiny, Logits, ::testing::ValuesIn(testing::AllCases()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace dure::models
