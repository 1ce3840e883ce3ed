#include "formats/sha256.h"

#include <gtest/gtest.h>

#include "tests/formats/temp_folder.h"

namespace dure::formats {
namespace {

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(Sha256, GivesThePublishedDigests) {
  // FIPS 180-4 examples and the empty message.
  Sha256 hash;
  EXPECT_EQ(hash.FinishHex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  hash.Update(Bytes("a"));
  hash.Update(Bytes("bc"));
  EXPECT_EQ(hash.FinishHex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, HashesFilesInPieces) {
  const TempFolder folder;
  const std::string path = folder.Write("million", std::string(5'000'000, 'a'));
  uint64_t calls = 0;
  uint64_t last = 0;
  const auto hash = Sha256OfFile(path, [&](uint64_t done, uint64_t total) {
    EXPECT_EQ(total, 5'000'000u);
    EXPECT_GT(done, last);
    last = done;
    ++calls;
    return true;
  });
  Sha256 whole;
  whole.Update(Bytes(std::string(5'000'000, 'a')));
  EXPECT_EQ(hash.value(), whole.FinishHex());
  EXPECT_EQ(last, 5'000'000u);
  EXPECT_GT(calls, 1u);
  EXPECT_EQ(Sha256OfFile(path, [](uint64_t, uint64_t) { return false; }).error().code,
            ErrorCode::kCancelled);
  EXPECT_EQ(Sha256OfFile(folder.File("absent")).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace dure::formats
