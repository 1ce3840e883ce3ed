// Every architecture and every way of stretching rotary positions, against logits that llama.cpp
// computed for the same file (tests/models/oracle/record.py).
//
// The bound: both programs compute in float32 from float32 weights; what differs is that Dure keeps
// keys and values as float16 (a relative error of 2^-11, some 5e-4, in each), and llama.cpp takes
// gelu from a float16 table. Averaged over positions and dimensions that leaves less than a
// thousandth of the logits' spread. What a case is about moves logits by a third of it or more:
// that is tested too, by leaving it out.
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

constexpr float kBound = 1e-3f;
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
                                        std::string* sha256) {
  const std::string path = testing::WriteTinyModel(shape);
  *sha256 = *formats::Sha256OfFile(path);
  ThreadTeam team(2);
  LoadOptions options;
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
  EXPECT_LE(Distance(expected, actual), kBound);
}

TEST_P(Logits, WouldBeFarOffWithoutTheSubject) {
  if (!GetParam().without) return;  // the architecture as a whole is the subject
  const Recorded expected = ReadRecorded(GetParam().name);
  TinyShape shape = GetParam().shape;
  GetParam().without(&shape);
  std::string sha256;
  EXPECT_GE(Distance(expected, Compute(GetParam(), shape, &sha256)), kFar);
}

INSTANTIATE_TEST_SUITE_P(Tiny, Logits, ::testing::ValuesIn(testing::AllCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace dure::models
