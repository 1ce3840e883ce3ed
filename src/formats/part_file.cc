#include "formats/part_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "formats/file.h"
#include "formats/message.h"

namespace dure::formats {
namespace {

constexpr uint64_t kMaxOriginBytes = 64 << 10;

tl::unexpected<Error> IoError(const std::string& path, const char* what, int error) {
  return Fail(
      error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
      fmt::format("{}: {}: {}", BaseName(path), what, std::generic_category().message(error)));
}

}  // namespace

Result<PartFile> PartFile::Open(const std::string& path) {
  while (true) {
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return IoError(path, "cannot be created", errno);
    PartFile part(fd, path, 0);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return IoError(path, "cannot be locked", errno);
      return Fail(
          ErrorCode::kUnavailable,
          fmt::format("{}: another process is downloading this file; wait for it", BaseName(path)));
    }
    struct stat opened{};
    struct stat named{};
    if (fstat(fd, &opened) != 0) return IoError(path, "cannot be examined", errno);
    // Between open and lock the owner before us may have renamed or removed the file.
    if (stat(path.c_str(), &named) != 0 || named.st_ino != opened.st_ino) continue;
    part.bytes_ = static_cast<uint64_t>(opened.st_size);
    if (lseek(fd, 0, SEEK_END) < 0) return IoError(path, "cannot be positioned", errno);
    part.LoadOrigin();
    return part;
  }
}

PartFile::PartFile(int fd, std::string path, uint64_t bytes)
    : fd_(fd), path_(std::move(path)), bytes_(bytes) {}

PartFile::PartFile(PartFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::move(other.path_)),
      bytes_(other.bytes_),
      origin_(std::move(other.origin_)) {}

PartFile& PartFile::operator=(PartFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  std::swap(bytes_, other.bytes_);
  std::swap(origin_, other.origin_);
  return *this;
}

PartFile::~PartFile() {
  if (fd_ >= 0) close(fd_);
}

void PartFile::LoadOrigin() {
  auto file = InputFile::Open(OriginPath());
  if (!file || file->bytes() > kMaxOriginBytes) return;
  std::string text(file->bytes(), '\0');
  if (!file->ReadAt(0, std::as_writable_bytes(std::span(text)))) return;
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  // What cannot be read is as good as absent: then nothing is resumed.
  if (!json.is_object() || !json.contains("url") || !json.contains("etag")) return;
  if (!json["url"].is_string() || !json["etag"].is_string()) return;
  origin_ = {json["url"].get<std::string>(), json["etag"].get<std::string>()};
}

Result<void> PartFile::SetOrigin(PartOrigin origin) {
  origin_ = std::move(origin);
  const nlohmann::json json = {{"url", origin_.url}, {"etag", origin_.etag}};
  const std::string text =
      json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  auto file = AtomicFile::Create(OriginPath());
  if (!file) return tl::unexpected(file.error());
  if (auto written = file->Append(std::as_bytes(std::span(text.data(), text.size()))); !written) {
    return written;
  }
  return file->Commit();
}

Result<void> PartFile::TruncateTo(uint64_t bytes) {
  if (ftruncate(fd_, static_cast<off_t>(bytes)) != 0 ||
      lseek(fd_, static_cast<off_t>(bytes), SEEK_SET) < 0) {
    return IoError(path_, "cannot be cut", errno);
  }
  bytes_ = bytes;
  return {};
}

Result<void> PartFile::Append(std::span<const std::byte> data) {
  if (auto written = WriteFully(fd_, data, BaseName(path_)); !written) {
    // Whatever part of the piece was written is cut off again, so that bytes() stays true.
    (void)TruncateTo(bytes_);
    return written;
  }
  bytes_ += data.size();
  return {};
}

Result<void> PartFile::Commit(const std::string& final_path) {
  if (fsync(fd_) != 0) return IoError(path_, "cannot be written to disk", errno);
  if (rename(path_.c_str(), final_path.c_str()) != 0) {
    return IoError(path_, "cannot be renamed", errno);
  }
  unlink(OriginPath().c_str());
  return SyncFolderOf(final_path);
}

void PartFile::Remove() {
  unlink(path_.c_str());
  unlink(OriginPath().c_str());
}

}  // namespace dure::formats
