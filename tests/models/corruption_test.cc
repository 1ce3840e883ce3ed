// Files with bytes changed at random: every one loads or is an error, and one that loads computes.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/thread_team.h"
#include "models/encoder.h"
#include "models/kv_storage.h"
#include "models/registry.h"
#include "tests/memory_file.h"
#include "tests/models/small_models.h"

namespace dure::models {
namespace {

constexpr int kFiles = 300;  // of each architecture
constexpr int kChanges = 3;  // bytes in each file

std::string TakeBytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  std::filesystem::remove(path);
  return bytes;
}

std::string SmallModel(const std::string& architecture) {
  return TakeBytes(testing::WriteTinyModel(testing::SmallShape(architecture)));
}

/// Loads the bytes and computes three tokens where they are a model.
bool LoadsAndComputes(const std::string& bytes, ThreadTeam* team) {
  const MemoryFile stored(bytes);
  auto file = formats::GgufFile::Open(stored.path());
  if (!file) return false;
  LoadOptions options;
  options.team = team;
  auto model = LoadModel(**file, options);
  if (!model) {
    EXPECT_FALSE(model.error().message.empty());
    return false;
  }
  auto kv = KvStorage::Create((*model)->config(), 1);
  if (!kv) return false;
  const std::vector<int32_t> blocks = {0};
  const SequenceView view = {blocks};
  const std::vector<StepRow> rows = {{1, 0, 0}, {2, 1, 0}, {0, 2, 0}};
  const std::vector<int32_t> wanted = {2};
  std::vector<float> logits((*model)->config().vocab_size);
  return (*model)->Forward({rows, {&view, 1}, wanted}, **kv, logits).has_value();
}

bool EncoderLoadsAndComputes(const std::string& bytes, ThreadTeam* team) {
  const MemoryFile stored(bytes);
  auto file = formats::GgufFile::Open(stored.path());
  if (!file) return false;
  LoadOptions options;
  options.team = team;
  auto encoder = LoadEncoder(**file, options);
  if (!encoder) {
    EXPECT_FALSE(encoder.error().message.empty());
    return false;
  }
  std::vector<float> vector((*encoder)->config().width);
  return (*encoder)->Encode(std::vector<std::vector<int32_t>>{{1, 0}}, vector).has_value();
}

/// Changes bytes where settings and tensor tables are, now and then elsewhere.
std::string Damaged(std::string bytes, std::mt19937& rng) {
  // Spellings of the vocabulary fill the middle of the header: its ends are what matters.
  const size_t settings = 1500;
  const size_t table = bytes.size() / 2;
  for (int i = 0; i < kChanges; ++i) {
    const size_t kind = rng() % 4;
    const size_t at = kind < 2 ? rng() % settings : rng() % (kind == 2 ? table : bytes.size());
    bytes[at % bytes.size()] = static_cast<char>(rng() % 5 == 0 ? 0xff : rng() % 256);
  }
  return bytes;
}

class Corruption : public ::testing::TestWithParam<std::string> {};

TEST_P(Corruption, IsAnErrorOrAModelThatComputes) {
  ThreadTeam team(1);
  const std::string whole = SmallModel(GetParam());
  ASSERT_TRUE(LoadsAndComputes(whole, &team));
  std::mt19937 rng(3);
  int loaded = 0;
  for (int i = 0; i < kFiles; ++i) loaded += LoadsAndComputes(Damaged(whole, rng), &team) ? 1 : 0;
  EXPECT_LT(loaded, kFiles) << "nothing was noticed";
  EXPECT_GT(loaded, kFiles / 20) << "most damage never reached the weights";
}

TEST(EncoderCorruption, IsAnErrorOrAModelThatComputes) {
  ThreadTeam team(1);
  const auto path = std::filesystem::temp_directory_path() /
                    ("dure_corrupt_bert_" + std::to_string(::getpid()) + ".gguf");
  ASSERT_TRUE(testing::TinyBertWriter(testing::SmallBert()).WriteGguf(path).has_value());
  const std::string whole = TakeBytes(path);
  ASSERT_TRUE(EncoderLoadsAndComputes(whole, &team));
  std::mt19937 rng(3);
  int loaded = 0;
  for (int i = 0; i < kFiles; ++i) {
    loaded += EncoderLoadsAndComputes(Damaged(whole, rng), &team) ? 1 : 0;
  }
  EXPECT_LT(loaded, kFiles) << "nothing was noticed";
  EXPECT_GT(loaded, kFiles / 20) << "most damage never reached the weights";
}

INSTANTIATE_TEST_SUITE_P(Tiny, Corruption, ::testing::ValuesIn(SupportedArchitectures()),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace dure::models
