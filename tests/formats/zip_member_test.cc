#include "formats/zip_member.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/formats/file_server.h"
#include "tests/formats/temp_folder.h"

namespace dure::formats {
namespace {

using testing::HasSubstr;

class ZipMember : public testing::Test {
 protected:
  Error ErrorOf(const std::string& archive, const std::string& member, uint64_t bytes) {
    const auto read = ReadZipMember(archive, member, bytes,
                                    [](std::span<const std::byte>) -> Result<void> { return {}; });
    if (!read) return read.error();
    ADD_FAILURE() << "read";
    return {ErrorCode::kInternal, ""};
  }

  const TempFolder folder_;
  const std::string content_ = std::string(1'000'000, 'z') + "end";
  const std::string wheel_ =
      MakeWheel(folder_.path(), "a-b", "1.0", "data/m.bin", folder_.Write("m.bin", content_));
};

TEST_F(ZipMember, ComesOutWhole) {
  std::string got;
  const auto read = ReadZipMember(
      wheel_, "data/m.bin", content_.size(), [&](std::span<const std::byte> piece) -> Result<void> {
        got.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        return {};
      });
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(got, content_);
}

TEST_F(ZipMember, AnotherSizeThanExpectedIsRefusedBeforeUnpacking) {
  EXPECT_EQ(ErrorOf(wheel_, "data/m.bin", content_.size() - 1).code, ErrorCode::kCorrupt);
  EXPECT_EQ(ErrorOf(wheel_, "data/absent", 1).code, ErrorCode::kNotFound);
  EXPECT_EQ(ErrorOf(folder_.Write("text", "no archive"), "m", 1).code, ErrorCode::kCorrupt);
  EXPECT_EQ(ErrorOf(folder_.File("absent"), "m", 1).code, ErrorCode::kCorrupt);
}

TEST_F(ZipMember, AnArchiveThatLiesAboutTheSizeStopsThere) {
  // The size in the central directory, the one that readers go by, becomes 1000.
  std::string bytes = TempFolder::ReadAll(wheel_);
  const size_t entry = bytes.find("PK\x01\x02");
  ASSERT_NE(entry, std::string::npos);
  const uint32_t lie = 1000;
  bytes.replace(entry + 24, 4, reinterpret_cast<const char*>(&lie), 4);
  uint64_t got = 0;
  const auto read = ReadZipMember(folder_.Write("liar.whl", bytes), "data/m.bin", 1000,
                                  [&](std::span<const std::byte> piece) -> Result<void> {
                                    got += piece.size();
                                    return {};
                                  });
  EXPECT_FALSE(read);
  EXPECT_LE(got, 1000u);
}

TEST_F(ZipMember, DamageIsFoundByTheCrc) {
  std::string bytes = TempFolder::ReadAll(wheel_);
  for (size_t i = 60; i < 200; i += 7) bytes[i] = static_cast<char>(bytes[i] ^ 0x20);
  EXPECT_EQ(ErrorOf(folder_.Write("bad.whl", bytes), "data/m.bin", content_.size()).code,
            ErrorCode::kCorrupt);
}

TEST_F(ZipMember, TheSinksErrorComesBack) {
  const auto read = ReadZipMember(
      wheel_, "data/m.bin", content_.size(),
      [](std::span<const std::byte>) -> Result<void> { return Fail(ErrorCode::kIo, "full"); });
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().message, "full");
}

}  // namespace
}  // namespace dure::formats
