#include "formats/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstring>

#include "tests/formats/temp_folder.h"

namespace dure::formats {
namespace {

using numerics::BlockType;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr BlockType kAllTypes[] = {
    BlockType::kF32,    BlockType::kF16,    BlockType::kQ4_0, BlockType::kQ4_1,
    BlockType::kQ5_0,   BlockType::kQ5_1,   BlockType::kQ8_0, BlockType::kQ2_K,
    BlockType::kQ3_K,   BlockType::kQ4_K,   BlockType::kQ5_K, BlockType::kQ6_K,
    BlockType::kIQ4_NL, BlockType::kIQ4_XS, BlockType::kBF16, BlockType::kMXFP4};

std::vector<std::byte> Pattern(size_t bytes, int seed) {
  std::vector<std::byte> out(bytes);
  for (size_t i = 0; i < bytes; ++i) out[i] = static_cast<std::byte>(i * 31 + seed);
  return out;
}

TEST(Gguf, EveryTensorTypeComesBackAsWritten) {
  const TempFolder folder;
  for (const uint32_t alignment : {1u, 32u, 4096u}) {
    GgufWriter writer(alignment);
    std::vector<std::vector<std::byte>> data;
    for (const BlockType type : kAllTypes) {
      const auto& info = numerics::InfoOf(type);
      data.push_back(Pattern(size_t{2} * 3 * 5 * info.block_bytes, static_cast<int>(type)));
      writer.AddTensor(std::string(info.name), type,
                       {static_cast<uint64_t>(info.block_values) * 2, 3, 5}, data.back());
    }
    ASSERT_TRUE(writer.Write(folder.File("all.gguf")));

    auto file = GgufFile::Open(folder.File("all.gguf"));
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ((*file)->version(), 3u);
    ASSERT_EQ((*file)->tensors().size(), std::size(kAllTypes));
    for (size_t i = 0; i < std::size(kAllTypes); ++i) {
      const GgufTensor& tensor = (*file)->tensors()[i];
      EXPECT_EQ(tensor.type, kAllTypes[i]);
      EXPECT_EQ(tensor.rows(), 15u);
      EXPECT_EQ(tensor.offset % alignment, 0u);
      ASSERT_EQ(tensor.bytes, data[i].size());
      std::vector<std::byte> read(tensor.bytes);
      ASSERT_TRUE((*file)->ReadTensor(tensor, 0, read));
      EXPECT_EQ(read, data[i]);
      EXPECT_EQ((*file)->FindTensor(tensor.name), &tensor);
    }
  }
}

TEST(Gguf, MetadataComesBackTyped) {
  const TempFolder folder;
  GgufWriter writer;
  writer.SetString("s", "문자열");
  writer.SetUint32("u32", 4000000000u);
  writer.SetInt32("i32", -7);
  writer.SetUint64("u64", ~0ull);
  writer.SetFloat32("f", 0.5f);
  writer.SetBool("b", true);
  writer.SetStrings("strings", {"", "a", std::string(100, 'x')});
  writer.SetInt32s("ints", {-1, 0, 1});
  writer.SetFloat32s("floats", {1.5f, -2.0f});
  writer.SetUint32("u32", 5);  // the last one counts
  ASSERT_TRUE(writer.Write(folder.File("m.gguf")));

  auto opened = GgufFile::Open(folder.File("m.gguf"));
  ASSERT_TRUE(opened) << opened.error().message;
  const GgufFile& file = **opened;
  EXPECT_EQ(file.GetString("s").value(), "문자열");
  EXPECT_EQ(file.GetUint("u32").value(), 5u);
  EXPECT_EQ(file.GetInt("i32").value(), -7);
  EXPECT_EQ(file.GetUint("u64").value(), ~0ull);
  EXPECT_EQ(file.GetFloat("f").value(), 0.5);
  EXPECT_EQ(file.GetFloat("i32").value(), -7.0);
  EXPECT_TRUE(file.GetBool("b").value());
  ASSERT_NE(file.FindStrings("strings"), nullptr);
  EXPECT_THAT(*file.FindStrings("strings"), ElementsAre("", "a", std::string(100, 'x')));
  EXPECT_THAT(file.GetInts("ints").value(), ElementsAre(-1, 0, 1));
  EXPECT_THAT(file.GetFloats("floats").value(), ElementsAre(1.5, -2.0));
  EXPECT_THAT(file.GetFloats("ints").value(), ElementsAre(-1.0, 0.0, 1.0));
}

TEST(Gguf, WrongKindsAndAbsentKeysNameTheKey) {
  const TempFolder folder;
  GgufWriter writer;
  writer.SetInt32("negative", -7);
  writer.SetUint64("huge", ~0ull);
  writer.SetString("text", "t");
  ASSERT_TRUE(writer.Write(folder.File("m.gguf")));
  auto opened = GgufFile::Open(folder.File("m.gguf"));
  ASSERT_TRUE(opened);
  const GgufFile& file = **opened;

  EXPECT_EQ(file.GetUint("negative").error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(file.GetUint("negative").error().message, HasSubstr("'negative'"));
  EXPECT_EQ(file.GetInt("huge").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(file.GetUint("absent").error().code, ErrorCode::kNotFound);
  EXPECT_THAT(file.GetUint("absent").error().message, HasSubstr("m.gguf: key 'absent'"));
  EXPECT_EQ(file.GetUint("absent", 9).value(), 9u);
  EXPECT_EQ(file.GetUint("text", 9).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(file.GetString("absent", "d").value(), "d");
  EXPECT_EQ(file.GetBool("absent", true).value(), true);
  EXPECT_EQ(file.GetFloat("text", 1.0).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(file.FindStrings("text"), nullptr);
  EXPECT_EQ(file.GetFloats("text").error().code, ErrorCode::kCorrupt);
}

TEST(Gguf, ReadTensorStaysInsideTheTensor) {
  const TempFolder folder;
  GgufWriter writer;
  writer.AddTensor("a", BlockType::kF32, {4}, Pattern(16, 1));
  writer.AddTensor("b", BlockType::kF32, {4}, Pattern(16, 2));
  ASSERT_TRUE(writer.Write(folder.File("m.gguf")));
  auto file = GgufFile::Open(folder.File("m.gguf"));
  ASSERT_TRUE(file);
  const GgufTensor& tensor = *(*file)->FindTensor("a");
  std::vector<std::byte> out(8);
  ASSERT_TRUE((*file)->ReadTensor(tensor, 8, out));
  EXPECT_EQ(out[0], Pattern(16, 1)[8]);
  EXPECT_EQ((*file)->ReadTensor(tensor, 9, out).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ((*file)->ReadTensor(tensor, ~0ull, out).error().code, ErrorCode::kInvalidArgument);
}

TEST(Gguf, AFileCutAfterOpenGivesAnError) {
  const TempFolder folder;
  GgufWriter writer;
  writer.AddTensor("weights", BlockType::kF32, {4096}, Pattern(16384, 1));
  const std::string path = folder.File("m.gguf");
  ASSERT_TRUE(writer.Write(path));
  auto file = GgufFile::Open(path);
  ASSERT_TRUE(file);
  std::filesystem::resize_file(path, 4096);
  std::vector<std::byte> out(16384);
  const auto read = (*file)->ReadTensor((*file)->tensors()[0], 0, out);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kIo);
  EXPECT_THAT(read.error().message, HasSubstr("m.gguf"));
  EXPECT_THAT(read.error().message, HasSubstr("'weights'"));
}

TEST(Gguf, WhatIsNoRegularFileIsRefused) {
  const TempFolder folder;
  EXPECT_EQ(GgufFile::Open(folder.File("absent")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(GgufFile::Open(folder.path()).error().code, ErrorCode::kInvalidArgument);
  ASSERT_EQ(mkfifo(folder.File("pipe").c_str(), 0600), 0);
  EXPECT_EQ(GgufFile::Open(folder.File("pipe")).error().code, ErrorCode::kInvalidArgument);
}

TEST(GgufWriter, RefusesWhatTheReaderWouldRefuse) {
  const TempFolder folder;
  const auto write = [&](const GgufWriter& writer) {
    auto written = writer.Write(folder.File("m.gguf"));
    return written ? std::string() : written.error().message;
  };
  GgufWriter size;
  size.AddTensor("t", BlockType::kF32, {4}, Pattern(15, 0));
  EXPECT_THAT(write(size), HasSubstr("do not fit"));
  GgufWriter columns;
  columns.AddTensor("t", BlockType::kQ4_K, {128}, Pattern(72, 0));
  EXPECT_THAT(write(columns), HasSubstr("not a multiple of 256"));
  GgufWriter twice;
  twice.AddTensor("t", BlockType::kF32, {1}, Pattern(4, 0));
  twice.AddTensor("t", BlockType::kF32, {1}, Pattern(4, 0));
  EXPECT_THAT(write(twice), HasSubstr("added twice"));
  GgufWriter name;
  name.AddTensor(std::string(65, 'n'), BlockType::kF32, {1}, Pattern(4, 0));
  EXPECT_THAT(write(name), HasSubstr("name of 1 to 64"));
  GgufWriter overflow;
  overflow.AddTensor("t", BlockType::kF32, {1ull << 33, 1ull << 33}, {});
  EXPECT_THAT(write(overflow), HasSubstr("overflow"));
  EXPECT_THAT(write(GgufWriter(48)), HasSubstr("power of two"));
  EXPECT_TRUE(folder.Names().empty());
}

TEST(GgufWriter, AFailedWriteLeavesTheOldFileAndNothingElse) {
  const TempFolder folder;
  const std::string path = folder.Write("m.gguf", "old");
  GgufWriter writer;
  writer.AddTensor("t", BlockType::kF32, {1 << 16}, Pattern(1 << 18, 0));
  // The file size limit makes write() fail as a full disk would, in the middle of the data.
  struct rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit small = before;
  small.rlim_cur = 100000;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto written = writer.Write(path);
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(folder.Names(), ElementsAre("m.gguf"));
  EXPECT_EQ(TempFolder::ReadAll(path), "old");
  EXPECT_EQ(writer.Write(folder.File("no/such/m.gguf")).error().code, ErrorCode::kNotFound);
}

struct RealFile {
  const char* name;
  const char* architecture;
  size_t tensors;
  size_t tokens;
};

class GgufRealFile : public testing::TestWithParam<RealFile> {};

TEST_P(GgufRealFile, OpensWithEveryTensorReadable) {
  const std::string path = RealModel(GetParam().name);
  if (path.empty()) GTEST_SKIP() << GetParam().name << " is not on this machine";
  auto file = GgufFile::Open(path);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ((*file)->GetString("general.architecture").value(), GetParam().architecture);
  EXPECT_EQ((*file)->tensors().size(), GetParam().tensors);
  ASSERT_NE((*file)->FindStrings("tokenizer.ggml.tokens"), nullptr);
  EXPECT_EQ((*file)->FindStrings("tokenizer.ggml.tokens")->size(), GetParam().tokens);
  uint64_t end = 0;
  for (const GgufTensor& tensor : (*file)->tensors()) {
    std::byte last;
    EXPECT_TRUE((*file)->ReadTensor(tensor, tensor.bytes - 1, {&last, 1}));
    end = std::max(end, tensor.offset + tensor.bytes);
  }
  EXPECT_EQ(end, (*file)->file_bytes());
}

INSTANTIATE_TEST_SUITE_P(
    Models, GgufRealFile,
    testing::Values(RealFile{"SmolLM2-135M-Instruct.Q4_1.gguf", "llama", 272, 49152},
                    RealFile{"qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", "qwen2", 291, 151936},
                    RealFile{"gemma3-270m-q4_k_m.gguf", "gemma3", 236, 262144}),
    [](const auto& test) { return std::string(test.param.architecture); });

}  // namespace
}  // namespace dure::formats
