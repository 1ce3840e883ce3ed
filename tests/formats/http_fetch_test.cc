#include "formats/http_fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "tests/formats/file_server.h"
#include "tests/formats/temp_folder.h"

namespace dure::formats {
namespace {

using testing::HasSubstr;

std::string Content(size_t bytes) {
  std::string content(bytes, '\0');
  uint32_t state = 1;
  for (char& c : content) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return content;
}

class HttpFetch : public testing::Test {
 protected:
  HttpFetch() {
    settings_.allow_http = true;
    settings_.retry_delay_ms = 1;
    settings_.disk_reserve_bytes = 0;
    served_.Write("model", content_);
  }

  PartFile Open() {
    auto part = PartFile::Open(here_.File("model.part"));
    EXPECT_TRUE(part) << part.error().message;
    return std::move(*part);
  }
  Result<HttpOutcome> Fetch(const std::string& path, ResumeRule rule = ResumeRule::kValidator) {
    PartFile part = Open();
    HttpRequest request;
    request.url = server_.url() + path;
    request.resume = rule;
    request.bytes = known_bytes_;
    return FetchFile(request, part, settings_, progress_);
  }
  std::string Got() const { return TempFolder::ReadAll(here_.File("model.part")); }
  /// Gets the first `bytes` or a few more, then is cancelled, as by Ctrl-C.
  void FetchSome(const std::string& path, uint64_t bytes) {
    progress_ = [bytes](uint64_t done, uint64_t) { return done < bytes; };
    const auto fetched = Fetch(path);
    progress_ = {};
    ASSERT_FALSE(fetched);
    EXPECT_EQ(fetched.error().code, ErrorCode::kCancelled);
    ASSERT_GE(Got().size(), bytes);
    ASSERT_LT(Got().size(), content_.size());
  }

  const std::string content_ = Content(8'000'000);
  const TempFolder served_;
  const TempFolder here_;
  const FileServer server_{served_.path()};
  HttpSettings settings_;
  std::optional<uint64_t> known_bytes_;
  FetchProgress progress_;
};

TEST_F(HttpFetch, GetsAFileWithProgress) {
  uint64_t last = 0;
  progress_ = [&](uint64_t done, uint64_t total) {
    EXPECT_GE(done, last);
    last = done;
    EXPECT_TRUE(total == 0 || total == content_.size());
    return true;
  };
  const auto fetched = Fetch("/plain/model");
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(Got(), content_);
  EXPECT_EQ(last, content_.size());
}

TEST_F(HttpFetch, ResumesWithTheETag) {
  FetchSome("/plain/model", 1'000'000);
  const size_t before = Got().size();
  ASSERT_TRUE(Fetch("/plain/model"));
  EXPECT_EQ(Got(), content_);
  const LoggedRequest last = server_.Log().back();
  EXPECT_EQ(last.range, "bytes=" + std::to_string(before) + "-");
  EXPECT_FALSE(last.if_range.empty());
}

TEST_F(HttpFetch, StartsOverWhenTheFileChangedMeanwhile) {
  FetchSome("/plain/model", 1'000'000);
  const std::string changed = Content(3'000'001) + "changed";
  served_.Write("model", changed);
  ASSERT_TRUE(Fetch("/plain/model"));
  EXPECT_EQ(Got(), changed);
  EXPECT_FALSE(server_.Log().back().range.empty());
}

TEST_F(HttpFetch, WithoutAnETagResumesOnlyWhereTheHashIsKnown) {
  FetchSome("/noetag/model", 1'000'000);
  ASSERT_TRUE(Fetch("/noetag/model", ResumeRule::kSameAddress));
  EXPECT_EQ(Got(), content_);
  EXPECT_FALSE(server_.Log().back().range.empty());

  FetchSome("/noetag/model?again", 0);
  ASSERT_TRUE(Fetch("/noetag/model"));
  EXPECT_EQ(Got(), content_);
  EXPECT_TRUE(server_.Log().back().range.empty());
}

TEST_F(HttpFetch, BytesOfAnotherAddressCountOnlyWhereAsked) {
  FetchSome("/plain/model", 1'000'000);
  ASSERT_TRUE(Fetch("/norange/model", ResumeRule::kAnyAddress));
  EXPECT_EQ(Got(), content_);
  EXPECT_FALSE(server_.Log().back().range.empty());
  std::filesystem::remove(here_.File("model.part"));

  FetchSome("/plain/model", 1'000'000);
  ASSERT_TRUE(Fetch("/noetag/model", ResumeRule::kSameAddress));
  EXPECT_EQ(Got(), content_);
  EXPECT_TRUE(server_.Log().back().range.empty());
}

TEST_F(HttpFetch, ABrokenConnectionIsTakenUpWhereItBroke) {
  const auto fetched = Fetch("/cut/3000000/model");
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(Got(), content_);
  EXPECT_EQ(server_.Log().size(), 3u);
}

TEST_F(HttpFetch, AServerThatNeverGetsFurtherIsGivenUp) {
  settings_.attempts = 3;
  const auto fetched = Fetch("/cut/0/model");
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(server_.Log().size(), 3u);
}

TEST_F(HttpFetch, AStallEndsWithAnErrorAndKeepsWhatCame) {
  settings_.stall_timeout_ms = 200;
  settings_.attempts = 1;
  const auto fetched = Fetch("/stall/1000000/model");
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(Got().size(), 1'000'000u);
}

TEST_F(HttpFetch, ServerErrorsAreRetriedAndPagesAreNotStored) {
  ASSERT_TRUE(Fetch("/flaky/2/model"));
  EXPECT_EQ(Got(), content_);
  const auto busy = Fetch("/status/503/other");
  ASSERT_FALSE(busy);
  EXPECT_THAT(busy.error().message, HasSubstr("HTTP 503"));
}

TEST_F(HttpFetch, StatusesSayWhatToDo) {
  const auto absent = Fetch("/plain/absent");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(absent.error().message, HasSubstr("HTTP 404"));
  EXPECT_THAT(Fetch("/status/403/x").error().message, HasSubstr("access refused"));
  EXPECT_EQ(server_.Log().size(), 2u);
  EXPECT_EQ(Got(), "");
}

TEST_F(HttpFetch, RedirectsAreFollowedUpToTheLimit) {
  settings_.max_redirects = 3;
  ASSERT_TRUE(Fetch("/redirect/3/model"));
  EXPECT_EQ(Got(), content_);
  const auto fetched = Fetch("/redirect/4/model");
  ASSERT_FALSE(fetched);
  EXPECT_EQ(server_.Log().size(), 4u + 4u);
}

TEST_F(HttpFetch, OnlyHttpsUnlessASettingAllowsMore) {
  settings_.allow_http = false;
  const auto fetched = Fetch("/plain/model");
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(fetched.error().message, HasSubstr("https"));
  EXPECT_TRUE(server_.Log().empty());
}

TEST_F(HttpFetch, SizesOtherThanAnnouncedAreRefused) {
  known_bytes_ = content_.size() + 1;
  EXPECT_THAT(Fetch("/plain/model").error().message, HasSubstr("8000000 bytes instead of 8000001"));
  known_bytes_ = content_.size() - 1;
  EXPECT_EQ(Fetch("/plain/model", ResumeRule::kSameAddress).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(Fetch("/chunked/model").error().code, ErrorCode::kCorrupt);
  EXPECT_LE(Got().size(), content_.size() - 1);
  known_bytes_.reset();
  settings_.max_bytes = 1000;
  EXPECT_EQ(Fetch("/plain/model").error().code, ErrorCode::kCorrupt);
}

TEST_F(HttpFetch, ACompleteFileIsNotAskedForAgain) {
  ASSERT_TRUE(Fetch("/plain/model"));
  ASSERT_TRUE(Fetch("/plain/model"));  // 416: nothing is missing
  EXPECT_EQ(Got(), content_);
  known_bytes_ = content_.size();
  ASSERT_TRUE(Fetch("/plain/model", ResumeRule::kSameAddress));
  EXPECT_EQ(server_.Log().size(), 2u);
}

TEST_F(HttpFetch, NobodyListening) {
  PartFile part = Open();
  HttpRequest request;
  request.url = UnreachableUrl() + "/model?signature=secret";
  const auto fetched = FetchFile(request, part, settings_, {});
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(fetched.error().message, HasSubstr("127.0.0.1"));
  EXPECT_THAT(fetched.error().message, testing::Not(HasSubstr("secret")));
}

TEST_F(HttpFetch, TooLittleDiskIsSeenBeforeItIsFull) {
  settings_.disk_reserve_bytes = 1ull << 62;
  const auto fetched = Fetch("/plain/model");
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(fetched.error().message, HasSubstr("not enough disk space"));
  EXPECT_EQ(Got(), "");
}

TEST_F(HttpFetch, AWriteThatFailsHalfwayIsAnError) {
  struct rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit small = before;
  small.rlim_cur = 5'000'000;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto fetched = Fetch("/plain/model");
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(content_.compare(0, Got().size(), Got()), 0);
  EXPECT_LE(Got().size(), 5'000'000u);
}

TEST(PartFile, BelongsToOneProcessAtATime) {
  const TempFolder folder;
  auto first = PartFile::Open(folder.File("m.part"));
  ASSERT_TRUE(first);
  const auto second = PartFile::Open(folder.File("m.part"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(second.error().message, HasSubstr("another process"));
  ASSERT_TRUE(first->Commit(folder.File("m")));
  auto third = PartFile::Open(folder.File("m.part"));
  ASSERT_TRUE(third);
  EXPECT_EQ(third->bytes(), 0u);
  EXPECT_EQ(PartFile::Open(folder.File("no/such/m.part")).error().code, ErrorCode::kNotFound);
}

TEST(PartFile, AnUnreadableOriginIsAsGoodAsNone) {
  const TempFolder folder;
  folder.Write("m.part", "abc");
  for (const char* text : {"", "{", "[]", R"({"url":1,"etag":"x"})", R"({"url":"x"})"}) {
    folder.Write("m.part.json", text);
    auto part = PartFile::Open(folder.File("m.part"));
    ASSERT_TRUE(part);
    EXPECT_EQ(part->origin().url, "");
    EXPECT_EQ(part->bytes(), 3u);
  }
}

}  // namespace
}  // namespace dure::formats
