// What a damaged or unknown model file gives: an error that names the cause, never a crash.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "base/thread_team.h"
#include "models/kv_storage.h"
#include "models/registry.h"
#include "tests/models/tiny_model.h"

namespace dure::models {
namespace {

using testing::TinyShape;

/// The error that loading this shape gives, or "" when it loads.
std::string LoadError(const TinyShape& shape) {
  const std::string path = testing::WriteTinyModel(shape);
  EXPECT_FALSE(path.empty());
  ThreadTeam team(2);
  LoadOptions options;
  options.team = &team;
  auto file = formats::GgufFile::Open(path);
  std::filesystem::remove(path);  // the open file stays readable
  if (!file) return file.error().message;
  auto model = LoadModel(**file, options);
  return model ? "" : model.error().message;
}

TEST(Loading, TakesAWholeFile) { EXPECT_EQ(LoadError({}), ""); }

TEST(Loading, NamesAnUnknownArchitecture) {
  TinyShape shape;
  shape.architecture = "mamba";
  const std::string error = LoadError(shape);
  EXPECT_NE(error.find("\"mamba\""), std::string::npos) << error;
  EXPECT_NE(error.find("llama"), std::string::npos) << error;
}

TEST(Loading, RefusesHeadsThatDoNotDivide) {
  TinyShape shape;
  shape.heads = 4;
  shape.kv_heads = 3;
  EXPECT_NE(LoadError(shape).find("do not divide"), std::string::npos);
}

TEST(Loading, RefusesHeadDimensionsItCannotCompute) {
  TinyShape shape;
  shape.head_dim = 24;
  EXPECT_NE(LoadError(shape).find("24"), std::string::npos);
}

TEST(Loading, AFileCutShortAfterOpeningIsAnErrorNotASignal) {
  const std::string path = testing::WriteTinyModel({});
  ThreadTeam team(2);
  LoadOptions options;
  options.team = &team;
  auto file = formats::GgufFile::Open(path);
  ASSERT_TRUE(file.has_value());
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  auto model = LoadModel(**file, options);
  EXPECT_FALSE(model.has_value());
  std::filesystem::remove(path);
}

TEST(Loading, CountsTheBytesOfAllWeights) {
  for (const char* architecture : {"llama", "qwen2", "gemma3"}) {
    TinyShape shape;
    shape.architecture = architecture;
    const std::string path = testing::WriteTinyModel(shape);
    ThreadTeam team(1);
    LoadOptions options;
    options.team = &team;
    auto file = formats::GgufFile::Open(path);
    std::filesystem::remove(path);
    auto model = LoadModel(**file, options);
    ASSERT_TRUE(model.has_value()) << model.error().message;
    uint64_t matrices = 0;
    for (const formats::GgufTensor& tensor : (*file)->tensors()) {
      if (tensor.rows() > 1) matrices += tensor.bytes;
    }
    EXPECT_GE((*model)->weight_bytes(), matrices) << architecture;
    EXPECT_LE((*model)->weight_bytes(), matrices + matrices / 8) << architecture;
  }
}

TEST(Loading, ReportsProgressUpToTheWhole) {
  const std::string path = testing::WriteTinyModel({});
  ThreadTeam team(1);
  LoadProgress last{};
  LoadOptions options;
  options.team = &team;
  options.on_progress = [&](const LoadProgress& p) {
    EXPECT_GE(p.bytes_done, last.bytes_done);
    last = p;
  };
  auto file = formats::GgufFile::Open(path);
  ASSERT_TRUE(LoadModel(**file, options).has_value());
  EXPECT_EQ(last.bytes_done, last.bytes_total);
  std::filesystem::remove(path);
}

TEST(Forward, RefusesRowsThatDoNotFit) {
  const std::string path = testing::WriteTinyModel({});
  ThreadTeam team(1);
  LoadOptions options;
  options.team = &team;
  auto file = formats::GgufFile::Open(path);
  auto model = LoadModel(**file, options);
  ASSERT_TRUE(model.has_value());
  auto kv = KvStorage::Create((*model)->config(), 2);
  const std::vector<int32_t> blocks = {0, 1};
  const SequenceView view = {blocks};
  std::vector<float> logits((*model)->config().vocab_size);
  const std::vector<int32_t> wanted = {0};
  for (const StepRow bad : {StepRow{-1, 0, 0}, StepRow{1 << 20, 0, 0}, StepRow{1, -1, 0},
                            StepRow{1, 64, 0}, StepRow{1, 0, 1}}) {
    auto done = (*model)->Forward({{&bad, 1}, {&view, 1}, wanted}, **kv, logits);
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().code, ErrorCode::kInvalidArgument);
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace dure::models
