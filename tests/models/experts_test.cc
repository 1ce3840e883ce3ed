// Which experts compute a row, and that nothing else does.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/thread_team.h"
#include "models/kv_storage.h"
#include "models/registry.h"
#include "tests/models/tiny_model.h"
#include "tests/numerics/same_bits.h"

namespace dure::models {
namespace {

using testing::TinyShape;

std::vector<float> LogitsOf(const TinyShape& shape) {
  const std::string path = testing::WriteTinyModel(shape);
  ThreadTeam team(2);
  LoadOptions options;
  options.team = &team;
  auto file = formats::GgufFile::Open(path);
  std::filesystem::remove(path);
  auto model = LoadModel(**file, options);
  EXPECT_TRUE(model.has_value()) << (model ? "" : model.error().message);
  if (!model) return {};
  auto kv = KvStorage::Create((*model)->config(), 1);
  const std::vector<int32_t> blocks = {0};
  const SequenceView view = {blocks};
  const std::vector<StepRow> rows = {{7, 0, 0}, {200, 1, 0}, {31, 2, 0}};
  const std::vector<int32_t> wanted = {0, 1, 2};
  std::vector<float> logits(wanted.size() * (*model)->config().vocab_size);
  auto done = (*model)->Forward({rows, {&view, 1}, wanted}, **kv, logits);
  EXPECT_TRUE(done.has_value());
  return logits;
}

TinyShape TiedExperts(int experts) {
  TinyShape shape;
  shape.architecture = "qwen3moe";
  shape.experts = experts;
  shape.zero_router = true;
  shape.expert_type = numerics::BlockType::kF16;  // drawn one by one
  return shape;
}

TEST(Experts, TiesGoToTheLowerIndex) {
  // With equal logits the first two compute every row: the other four may as well not be there.
  numerics::testing::ExpectSameBits(LogitsOf(TiedExperts(2)), LogitsOf(TiedExperts(6)), "ties");
}

TEST(Experts, OutputsThatAreNoMultipleOfAGroupArePadded) {
  TinyShape shape = TiedExperts(3);
  shape.expert_ff_width = 40;
  TinyShape fewer = shape;
  fewer.experts = 2;
  numerics::testing::ExpectSameBits(LogitsOf(fewer), LogitsOf(shape), "padded");
}

TEST(Experts, WeightsOverAllExpertsAreSmaller) {
  TinyShape all = TiedExperts(4);
  all.settings = [](formats::GgufWriter* w) { w->SetBool("qwen3moe.expert_weights_norm", false); };
  EXPECT_NE(LogitsOf(all), LogitsOf(TiedExperts(4)));
}

}  // namespace
}  // namespace dure::models
