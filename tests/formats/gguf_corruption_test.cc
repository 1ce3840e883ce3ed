// Damaged and hostile GGUF files: each must give an error value that says what is wrong, or a file
// that holds together.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/gguf.h"
#include "tests/formats/raw_gguf.h"
#include "tests/formats/temp_folder.h"
#include "tests/memory_file.h"

namespace dure::formats {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// What an open file promises, whatever its bytes were.
void ExpectSane(const GgufFile& file) {
  for (const GgufTensor& tensor : file.tensors()) {
    ASSERT_LE(tensor.offset, file.file_bytes());
    ASSERT_LE(tensor.bytes, file.file_bytes() - tensor.offset);
    std::vector<std::byte> data(tensor.bytes);
    EXPECT_TRUE(file.ReadTensor(tensor, 0, data));
    EXPECT_EQ(file.FindTensor(tensor.name), &tensor);
  }
  for (const auto& [key, value] : file.metadata()) EXPECT_EQ(file.Find(key), &value);
}

class GgufCorruption : public testing::Test {
 protected:
  Error ErrorOf(const std::string& bytes, const GgufLimits& limits = {}) {
    auto file = GgufFile::Open(folder_.Write("bad.gguf", bytes), limits);
    if (!file) return file.error();
    ADD_FAILURE() << "opened";
    return {ErrorCode::kInternal, ""};
  }
  void ExpectError(const std::string& bytes, ErrorCode code, const std::string& part,
                   const GgufLimits& limits = {}) {
    const Error error = ErrorOf(bytes, limits);
    EXPECT_EQ(error.code, code) << error.message;
    EXPECT_THAT(error.message, HasSubstr(part));
    EXPECT_EQ(error.message.rfind("bad.gguf: ", 0), 0u) << error.message;
    EXPECT_EQ(error.message.find('\n'), std::string::npos);
  }

  const TempFolder folder_;
};

TEST_F(GgufCorruption, TheUndamagedFileHoldsEveryType) {
  for (const uint32_t version : {2u, 3u}) {
    auto opened = GgufFile::Open(folder_.Write("good.gguf", SmallValidGguf(version)));
    ASSERT_TRUE(opened) << opened.error().message;
    const GgufFile& file = **opened;
    EXPECT_EQ(file.version(), version);
    EXPECT_EQ(file.GetUint("u8").value(), 200u);
    EXPECT_EQ(file.GetInt("i8").value(), -100);
    EXPECT_EQ(file.GetInt("i16").value(), -30000);
    EXPECT_EQ(file.GetInt("i64").value(), INT64_MIN);
    EXPECT_EQ(file.GetFloat("f64").value(), 0.25);
    EXPECT_THAT(file.GetInts("u8s").value(), ElementsAre(1, 255));
    EXPECT_THAT(file.GetInts("i8s").value(), ElementsAre(1, -1));
    EXPECT_EQ(file.GetInts("u64s").error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(file.GetFloats("f32s").value(), ElementsAre(1.5, -2.5));
    EXPECT_THAT(*file.FindStrings("strings"), ElementsAre("", "two"));
    const auto& bools = std::get<GgufArray>(file.Find("bools")->value);
    EXPECT_THAT(std::get<std::vector<bool>>(bools), ElementsAre(true, false, true));
    const auto& nested =
        std::get<std::vector<GgufValue>>(std::get<GgufArray>(file.Find("nested")->value));
    ASSERT_EQ(nested.size(), 2u);
    EXPECT_THAT(std::get<std::vector<std::string>>(std::get<GgufArray>(nested[1].value)),
                ElementsAre("inner"));
    EXPECT_EQ(file.FindTensor("first")->bytes, 36u);
    ExpectSane(file);
  }
}

TEST_F(GgufCorruption, CutAtEveryLengthIsAnError) {
  const std::string whole = SmallValidGguf();
  for (size_t length = 0; length < whole.size(); ++length) {
    const MemoryFile cut(std::string_view(whole).substr(0, length));
    EXPECT_FALSE(GgufFile::Open(cut.path())) << length;
  }
}

TEST_F(GgufCorruption, EveryByteFlippedIsAnErrorOrASaneFile) {
  const std::string whole = SmallValidGguf();
  for (size_t i = 0; i < whole.size() - 80; ++i) {
    for (const unsigned char mask : {0x01, 0x10, 0x80, 0xff}) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(static_cast<unsigned char>(damaged[i]) ^ mask);
      const MemoryFile bytes(damaged);
      auto file = GgufFile::Open(bytes.path());
      if (file) {
        ExpectSane(**file);
      } else {
        EXPECT_FALSE(file.error().message.empty());
      }
    }
  }
}

TEST_F(GgufCorruption, HeadersAreRefusedByName) {
  using enum ErrorCode;
  ExpectError("", kCorrupt, "not a GGUF file");
  ExpectError("PK\x03\x04 a zip file", kCorrupt, "it starts with 'PK\\x03\\x04'");
  ExpectError(RawGguf().Header(1, 0, 0).bytes(), kUnsupported, "GGUF version 1 is not supported");
  ExpectError(RawGguf().Header(4, 0, 0).bytes(), kUnsupported, "GGUF version 4 is not supported");
  ExpectError(RawGguf().Header(0x03000000, 0, 0).bytes(), kUnsupported,
              "big-endian GGUF version 3");
  ExpectError(RawGguf().Header(3, ~0ull, 0).bytes(), kCorrupt, "18446744073709551615 tensors");
  ExpectError(RawGguf().Header(3, 0, ~0ull).bytes(), kCorrupt, "key-values, more than the limit");
  ExpectError(RawGguf().Header(3, 60000, 60000).bytes(), kCorrupt, "ends inside");
}

TEST_F(GgufCorruption, KeyValuesAreChecked) {
  using enum ErrorCode;
  const auto kv = [](uint64_t count) { return RawGguf().Header(3, 0, count); };
  ExpectError(kv(1).Scalar<uint64_t>("", 10, 0).bytes(), kCorrupt, "empty key");
  ExpectError(kv(1).Put(~0ull).Data(64).bytes(), kCorrupt, "string of 18446744073709551615 bytes");
  ExpectError(kv(1).Put<uint64_t>(65535).Data(64).bytes(), kCorrupt, "ends inside a string");
  ExpectError(kv(2).Scalar<uint32_t>("a", 4, 1).Scalar<uint32_t>("a", 4, 1).bytes(), kCorrupt,
              "key 'a' stands twice");
  ExpectError(kv(1).Scalar<uint64_t>("k", 13, 0).bytes(), kUnsupported, "unknown value type 13");
  ExpectError(kv(1).Scalar<uint8_t>("k", 7, 2).bytes(), kCorrupt, "key 'k'");
  ExpectError(kv(1).Text("k").Put(9u).Put(13u).Put<uint64_t>(1).bytes(), kUnsupported,
              "unknown array element type 13");
  ExpectError(kv(1).Text("k").Put(9u).Put(8u).Put(~0ull).bytes(), kCorrupt, "elements, more than");
  ExpectError(kv(1).Text("k").Put(9u).Put(12u).Put<uint64_t>(1 << 20).bytes(), kCorrupt,
              "ends inside an array");
  ExpectError(kv(1).Text("k").Put(9u).Put(7u).Put<uint64_t>(1).Put<uint8_t>(7).bytes(), kCorrupt,
              "bool of value 7");
  RawGguf deep = kv(1).Text("k");
  deep.Put(9u);
  for (int i = 0; i < 3; ++i) deep.Put(9u).Put<uint64_t>(1);
  ExpectError(deep.Put(4u).Put<uint64_t>(0).bytes(), kUnsupported, "nested deeper than 2");
  ExpectError(kv(1).Scalar<uint16_t>("split.count", 2, 3).bytes(), kUnsupported,
              "one of 3 parts of a split model");
  ExpectError(kv(1).Scalar<uint32_t>("k\n\x01\xff", 99, 3).bytes(), kUnsupported,
              "'k\\x0a\\x01\\xff'");
}

TEST_F(GgufCorruption, AlignmentIsAPowerOfTwo) {
  using enum ErrorCode;
  for (const uint32_t alignment : {0u, 3u, 48u, 1u << 21}) {
    ExpectError(RawGguf().Header(3, 0, 1).Scalar("general.alignment", 4, alignment).bytes(),
                kCorrupt, "not a power of two");
  }
  ExpectError(RawGguf().Header(3, 0, 1).Scalar("general.alignment", 6, 32.0f).bytes(), kCorrupt,
              "not an unsigned integer");
  const std::string wide = RawGguf()
                               .Header(3, 1, 1)
                               .Scalar<uint32_t>("general.alignment", 4, 4096)
                               .Tensor("t", {4}, 0, 0)
                               .Data(16, 4096)
                               .bytes();
  auto file = GgufFile::Open(folder_.Write("wide.gguf", wide));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ((*file)->tensors()[0].offset, 4096u);
}

TEST_F(GgufCorruption, TensorsAreChecked) {
  using enum ErrorCode;
  const auto one = [](std::string_view name, std::initializer_list<uint64_t> ne, uint32_t type,
                      uint64_t offset) {
    return RawGguf().Header(3, 1, 0).Tensor(name, ne, type, offset).Data(64).bytes();
  };
  ExpectError(one("", {4}, 0, 0), kCorrupt, "empty tensor name");
  ExpectError(one(std::string(65, 'n'), {4}, 0, 0), kCorrupt, "string of 65 bytes");
  ExpectError(one("t", {}, 0, 0), kCorrupt, "0 dimensions");
  ExpectError(one("t", {1, 1, 1, 1, 1}, 0, 0), kCorrupt, "5 dimensions");
  ExpectError(one("t", {4, 0}, 0, 0), kCorrupt, "dimension of 0");
  ExpectError(one("t", {1ull << 32, 1ull << 32}, 0, 0), kCorrupt, "dimensions overflow");
  ExpectError(one("t", {1ull << 62}, 0, 0), kCorrupt, "size overflows");
  ExpectError(one("t", {33}, 2, 0), kCorrupt, "33 columns are not a multiple of 32");
  ExpectError(one("t", {256}, 16, 0), kUnsupported, "tensor 't'");
  ExpectError(one("t", {256}, 16, 0), kUnsupported, "type 16 (IQ2_XXS) is not supported");
  ExpectError(one("t", {256}, 4711, 0), kUnsupported, "type 4711 (unknown) is not supported");
  ExpectError(one("t", {4}, 0, 8), kCorrupt, "not a multiple of the alignment 32");
  ExpectError(one("t", {4}, 0, 64), kCorrupt, "outside the file");
  ExpectError(one("t", {4}, 0, ~0ull - 31), kCorrupt, "outside the file");
  ExpectError(one("t", {17}, 0, 0), kCorrupt, "outside the file");
  const auto two = [](std::string_view name, uint64_t offset) {
    return RawGguf()
        .Header(3, 2, 0)
        .Tensor("a", {9}, 0, 0)
        .Tensor(name, {4}, 0, offset)
        .Data(128)
        .bytes();
  };
  ExpectError(two("b", 32), kCorrupt, "tensor 'b'");
  ExpectError(two("b", 32), kCorrupt, "overlaps tensor 'a'");
  ExpectError(two("a", 64), kCorrupt, "stands twice");
}

TEST_F(GgufCorruption, LimitsHold) {
  using enum ErrorCode;
  const std::string whole = SmallValidGguf();
  const auto expect = [&](auto change, ErrorCode code, const std::string& part) {
    GgufLimits limits;
    change(limits);
    ExpectError(whole, code, part, limits);
  };
  expect([](GgufLimits& l) { l.max_key_values = 24; }, kCorrupt, "limit of 24");
  expect([](GgufLimits& l) { l.max_tensors = 1; }, kCorrupt, "limit of 1");
  expect([](GgufLimits& l) { l.max_metadata_bytes = 500; }, kCorrupt, "500 bytes of metadata");
  expect([](GgufLimits& l) { l.max_array_elements = 2; }, kCorrupt, "array of 3 elements");
  expect([](GgufLimits& l) { l.max_string_bytes = 4; }, kCorrupt, "more than the limit of 4");
  expect([](GgufLimits& l) { l.max_decoded_bytes = 100; }, kResourceExhausted, "of memory");
  expect([](GgufLimits& l) { l.max_array_depth = 1; }, kUnsupported, "nested deeper than 1");
}

}  // namespace
}  // namespace dure::formats
