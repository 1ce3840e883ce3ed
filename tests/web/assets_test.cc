#include "api/app/assets.h"

#include <brotli/decode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <set>
#include <string>

namespace dure::api::app {
namespace {

std::string Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string Gunzip(std::span<const std::byte> bytes, std::size_t size) {
  std::string out(size + 1, '\0');
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

std::string Unbrotli(std::span<const std::byte> bytes, std::size_t size) {
  std::string out(size + 1, '\0');
  std::size_t written = out.size();
  EXPECT_EQ(BrotliDecoderDecompress(bytes.size(), reinterpret_cast<const uint8_t*>(bytes.data()),
                                    &written, reinterpret_cast<uint8_t*>(out.data())),
            BROTLI_DECODER_RESULT_SUCCESS);
  out.resize(written);
  return out;
}

TEST(Assets, AreSortedUniqueAndFound) {
  std::string_view previous;
  for (const Asset& asset : Assets()) {
    EXPECT_LT(previous, asset.path);
    EXPECT_TRUE(asset.path.starts_with('/')) << asset.path;
    EXPECT_EQ(FindAsset(asset.path), &asset);
    previous = asset.path;
  }
  EXPECT_NE(FindAsset("/index.html"), nullptr);
  EXPECT_EQ(FindAsset("/index.htm"), nullptr);
  EXPECT_EQ(FindAsset("/index.html/"), nullptr);
  EXPECT_EQ(FindAsset("/~"), nullptr);
  EXPECT_EQ(FindAsset(""), nullptr);
}

TEST(Assets, HeadersAreWellFormed) {
  for (const Asset& asset : Assets()) {
    EXPECT_THAT(asset.etag, testing::MatchesRegex("W/\"[A-Za-z0-9_-]+\"")) << asset.path;
    EXPECT_THAT(asset.content_type, testing::HasSubstr("/")) << asset.path;
    EXPECT_FALSE(asset.identity.empty()) << asset.path;
  }
}

TEST(Assets, CompressedFormsUnpackToTheFile) {
  if (!DURE_WEB_BUILT) {
    GTEST_SKIP() << "this build carries a placeholder (DURE_WEB=OFF)";
  }
  std::size_t compressed = 0;
  for (const Asset& asset : Assets()) {
    const std::string identity = Text(asset.identity);
    if (!asset.gzip.empty()) {
      EXPECT_EQ(Gunzip(asset.gzip, identity.size()), identity) << asset.path;
    }
    if (!asset.brotli.empty()) {
      EXPECT_EQ(Unbrotli(asset.brotli, identity.size()), identity) << asset.path;
      ++compressed;
    }
  }
  EXPECT_GT(compressed, 2u);
}

TEST(Assets, OnlyHashedNamesMayBeCachedForEver) {
  if (!DURE_WEB_BUILT) {
    GTEST_SKIP() << "this build carries a placeholder (DURE_WEB=OFF)";
  }
  const testing::Matcher<const std::string&> hashed =
      testing::MatchesRegex("/assets/.*-[A-Za-z0-9_-]{8}\\.[a-z0-9]+");
  std::set<std::string_view> immutable;
  for (const Asset& asset : Assets()) {
    EXPECT_EQ(asset.immutable, testing::Matches(hashed)(std::string(asset.path))) << asset.path;
    if (asset.immutable) {
      immutable.insert(asset.path);
    }
  }
  EXPECT_GT(immutable.size(), 1u);
}

// The page must live under a Content-Security-Policy without unsafe-inline.
TEST(Assets, PageHasNothingInline) {
  const std::string page = Text(FindAsset("/index.html")->identity);
  EXPECT_THAT(page, testing::Not(testing::HasSubstr("<style")));
  EXPECT_THAT(page, testing::Not(testing::HasSubstr(" style=")));
  EXPECT_THAT(page, testing::Not(testing::ContainsRegex(" on[a-z]+=")));
  for (std::size_t at = page.find("<script"); at != std::string::npos;
       at = page.find("<script", at + 1)) {
    const std::string tag = page.substr(at, page.find("</script>", at) - at);
    EXPECT_THAT(tag, testing::HasSubstr(" src=\"/")) << tag;
    EXPECT_EQ(tag.back(), '>') << tag;
  }
}

// What the browser must fetch before it can paint: the scripts and styles the page itself names.
TEST(Assets, FirstPaintNeedsLittle) {
  if (!DURE_WEB_BUILT) {
    GTEST_SKIP() << "this build carries a placeholder (DURE_WEB=OFF)";
  }
  const std::string page = Text(FindAsset("/index.html")->identity);
  std::size_t scripts = 0;
  for (const Asset& asset : Assets()) {
    if (asset.path.ends_with(".js") && page.find(asset.path) != std::string::npos) {
      scripts += asset.gzip.empty() ? asset.identity.size() : asset.gzip.size();
    }
  }
  EXPECT_GT(scripts, 0u);
  EXPECT_LE(scripts, 120u * 1024u);
  RecordProperty("first_paint_script_gzip_bytes", static_cast<int>(scripts));
}

}  // namespace
}  // namespace dure::api::app
