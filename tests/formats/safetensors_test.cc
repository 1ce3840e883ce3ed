#include "formats/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/formats/temp_folder.h"
#include "tests/memory_file.h"

namespace dure::formats {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string Packed(std::string_view header, size_t data_bytes) {
  const uint64_t length = header.size();
  std::string bytes(reinterpret_cast<const char*>(&length), sizeof(length));
  bytes += header;
  for (size_t i = 0; i < data_bytes; ++i) bytes += static_cast<char>(i);
  return bytes;
}

const char kGood[] = R"({"__metadata__":{"format":"pt"},)"
                     R"("b":{"dtype":"F16","shape":[2,3],"data_offsets":[16,28]},)"
                     R"("a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},)"
                     R"("s":{"dtype":"U8","shape":[],"data_offsets":[28,29]},)"
                     R"("none":{"dtype":"I64","shape":[0,5],"data_offsets":[29,29]}}   )";

class Safetensors : public testing::Test {
 protected:
  void ExpectError(const std::string& bytes, ErrorCode code, const std::string& part,
                   const SafetensorsLimits& limits = {}) {
    auto file = SafetensorsFile::Open(folder_.Write("bad.safetensors", bytes), limits);
    ASSERT_FALSE(file) << part;
    EXPECT_EQ(file.error().code, code) << file.error().message;
    EXPECT_THAT(file.error().message, HasSubstr(part));
    EXPECT_EQ(file.error().message.rfind("bad.safetensors: ", 0), 0u) << file.error().message;
  }
  void ExpectHeaderError(const std::string& header, size_t data, const std::string& part) {
    ExpectError(Packed(header, data), ErrorCode::kCorrupt, part);
  }

  const TempFolder folder_;
};

TEST_F(Safetensors, ReadsTensorsAndMetadata) {
  auto opened = SafetensorsFile::Open(folder_.Write("m.safetensors", Packed(kGood, 29)));
  ASSERT_TRUE(opened) << opened.error().message;
  const SafetensorsFile& file = **opened;
  ASSERT_EQ(file.tensors().size(), 4u);
  EXPECT_THAT(file.metadata(), ElementsAre(std::pair<std::string, std::string>("format", "pt")));
  const SafetensorsTensor* b = file.FindTensor("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->type, SafetensorsType::kF16);
  EXPECT_THAT(b->shape, ElementsAre(2, 3));
  std::vector<std::byte> data(2);
  ASSERT_TRUE(file.ReadTensor(*b, 10, data));
  EXPECT_THAT(data, ElementsAre(std::byte{26}, std::byte{27}));
  EXPECT_EQ(file.ReadTensor(*b, 11, data).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(file.FindTensor("none")->bytes, 0u);
  EXPECT_EQ(file.FindTensor("absent"), nullptr);
}

TEST_F(Safetensors, KnowsEveryType) {
  for (const std::string name : {"BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "U16", "I16", "F16",
                                 "BF16", "U32", "I32", "F32", "U64", "I64", "F64"}) {
    const size_t digits = name.find_first_of("0123456789");
    const size_t bytes = digits == std::string::npos ? 1 : std::stoul(name.substr(digits)) / 8;
    const std::string header = R"({"t":{"dtype":")" + name + R"(","shape":[3],"data_offsets":[0,)" +
                               std::to_string(3 * bytes) + "]}}";
    auto file = SafetensorsFile::Open(folder_.Write("t.safetensors", Packed(header, 3 * bytes)));
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(SafetensorsTypeName((*file)->tensors()[0].type), name);
  }
  ExpectError(Packed(R"({"t":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}})", 1),
              ErrorCode::kUnsupported, "tensor 't': type 'F4' is not supported");
}

TEST_F(Safetensors, ContradictionsAreRefused) {
  const auto one = [](const std::string& shape, const std::string& offsets) {
    return R"({"t":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
  };
  ExpectHeaderError(one("[2]", "[0,8]"), 7, "outside the file");
  ExpectHeaderError(one("[2]", "[0,8]"), 9, "1 bytes after the last tensor");
  ExpectHeaderError(one("[2]", "[8,0]"), 8, "outside the file");
  ExpectHeaderError(one("[2]", "[4,12]"), 12, "a hole before it");
  ExpectHeaderError(one("[3]", "[0,8]"), 8, "take 12 bytes, its offsets 8");
  ExpectHeaderError(one("[4294967296,4294967296]", "[0,8]"), 8, "overflows");
  ExpectHeaderError(one("[-2]", "[0,8]"), 8, "shape is not");
  ExpectHeaderError(one("[2.0]", "[0,8]"), 8, "shape is not");
  ExpectHeaderError(one("[1,1,1,1,1,1,1,1,2]", "[0,8]"), 8, "at most 8");
  ExpectHeaderError(one("[2]", "[0]"), 8, "data_offsets");
  ExpectHeaderError(one("[2]", "[0,18446744073709551616]"), 8, "data_offsets");
  ExpectHeaderError(R"({"t":{"dtype":"F32","shape":[2]}})", 8, "are needed");
  ExpectHeaderError(R"({"t":[1]})", 8, "are needed");
  ExpectHeaderError(R"({"__metadata__":{"a":1}})", 0, "__metadata__ 'a' is not a string");
  ExpectHeaderError(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                    R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
                    3, "it overlaps another");
  ExpectHeaderError(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                    R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                    1, "name 'a' stands twice");
}

TEST_F(Safetensors, HeadersAreCheckedBeforeTheyAreParsed) {
  ExpectError("short", ErrorCode::kCorrupt, "shorter than 8 bytes");
  ExpectError(std::string(8, '\xff'), ErrorCode::kCorrupt, "more than the limit");
  ExpectError(Packed("{}", 0).substr(0, 9), ErrorCode::kCorrupt, "ends inside its header");
  ExpectError(Packed("", 0), ErrorCode::kCorrupt, "does not begin with {");
  ExpectError(Packed("[]", 0), ErrorCode::kCorrupt, "does not begin with {");
  ExpectError(Packed("{\"a\":", 0), ErrorCode::kCorrupt, "not a JSON object");
  ExpectError(Packed("{} {}", 0), ErrorCode::kCorrupt, "not a JSON object");
  ExpectError(Packed("{\"a\":" + std::string(100000, '['), 0), ErrorCode::kCorrupt,
              "100001 levels deep");
  SafetensorsLimits limits;
  limits.max_header_bytes = 10;
  ExpectError(Packed(kGood, 29), ErrorCode::kCorrupt, "more than the limit of 10", limits);
  limits = {};
  limits.max_tensors = 3;
  ExpectError(Packed(kGood, 29), ErrorCode::kCorrupt, "more than the limit of 3", limits);
}

TEST_F(Safetensors, CutOrFlippedFilesNeverCrash) {
  const std::string whole = Packed(kGood, 29);
  for (size_t length = 0; length < whole.size(); ++length) {
    const MemoryFile cut(std::string_view(whole).substr(0, length));
    EXPECT_FALSE(SafetensorsFile::Open(cut.path())) << length;
  }
  for (size_t i = 0; i < whole.size() - 29; ++i) {
    for (const unsigned char mask : {0x01, 0x02, 0x10, 0x80, 0xff}) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(static_cast<unsigned char>(damaged[i]) ^ mask);
      const MemoryFile bytes(damaged);
      auto file = SafetensorsFile::Open(bytes.path());
      if (!file) continue;
      for (const SafetensorsTensor& tensor : (*file)->tensors()) {
        std::vector<std::byte> data(tensor.bytes);
        EXPECT_TRUE((*file)->ReadTensor(tensor, 0, data));
      }
    }
  }
}

TEST_F(Safetensors, AFileCutAfterOpenGivesAnError) {
  const std::string path = folder_.Write("m.safetensors", Packed(kGood, 29));
  auto file = SafetensorsFile::Open(path);
  ASSERT_TRUE(file);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  std::byte byte;
  const auto read = (*file)->ReadTensor(*(*file)->FindTensor("s"), 0, {&byte, 1});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace dure::formats
