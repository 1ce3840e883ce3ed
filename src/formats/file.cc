#include "formats/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <limits>
#include <system_error>
#include <utility>

#include "formats/message.h"

namespace dure::formats {
namespace {

std::string Reason(int error) { return std::generic_category().message(error); }

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Result<InputFile> InputFile::Open(const std::string& path) {
  // O_NONBLOCK: opening a pipe that nobody writes to must not hang.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    const int error = errno;
    const bool absent = error == ENOENT || error == ENOTDIR;
    return Fail(absent ? ErrorCode::kNotFound : ErrorCode::kIo,
                fmt::format("{}: cannot open the file: {}", BaseName(path), Reason(error)));
  }
  InputFile file(fd, 0, path);
  struct stat status{};
  if (fstat(fd, &status) != 0) {
    return Fail(ErrorCode::kIo,
                fmt::format("{}: cannot read the file's size: {}", file.name(), Reason(errno)));
  }
  if (!S_ISREG(status.st_mode)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: not a regular file; give the path of a file", file.name()));
  }
  file.bytes_ = static_cast<uint64_t>(status.st_size);
  return file;
}

InputFile::InputFile(int fd, uint64_t bytes, std::string path)
    : fd_(fd), bytes_(bytes), path_(std::move(path)) {}

InputFile::InputFile(InputFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), bytes_(other.bytes_), path_(std::move(other.path_)) {}

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(bytes_, other.bytes_);
  std::swap(path_, other.path_);
  return *this;
}

InputFile::~InputFile() {
  if (fd_ >= 0) close(fd_);
}

std::string InputFile::name() const { return BaseName(path_); }

Result<void> InputFile::ReadAt(uint64_t offset, std::span<std::byte> out) const {
  constexpr uint64_t kMaxOffset = std::numeric_limits<int64_t>::max();
  if (offset > kMaxOffset || out.size() > kMaxOffset - offset) {
    return Fail(ErrorCode::kIo, fmt::format("{}: read past the largest file offset", name()));
  }
  while (!out.empty()) {
    const ssize_t count = pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0) {
      if (errno == EINTR) continue;
      return Fail(ErrorCode::kIo,
                  fmt::format("{}: reading at byte {} failed: {}", name(), offset, Reason(errno)));
    }
    if (count == 0) {
      return Fail(ErrorCode::kIo,
                  fmt::format("{}: the file ends at byte {}; it was cut after it was opened",
                              name(), offset));
    }
    out = out.subspan(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
  return {};
}

Result<AtomicFile> AtomicFile::Create(const std::string& path) {
  static std::atomic<uint64_t> serial{0};
  const std::string temporary = fmt::format("{}.{}-{}.tmp", path, getpid(), serial.fetch_add(1));
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) {
    const int error = errno;
    return Fail(error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                fmt::format("{}: cannot create the file: {}", BaseName(path), Reason(error)));
  }
  return AtomicFile(fd, temporary, path);
}

AtomicFile::AtomicFile(int fd, std::string temporary, std::string path)
    : fd_(fd), temporary_(std::move(temporary)), path_(std::move(path)) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      temporary_(std::exchange(other.temporary_, {})),
      path_(std::move(other.path_)) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(temporary_, other.temporary_);
  std::swap(path_, other.path_);
  return *this;
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) close(fd_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

Result<void> AtomicFile::Append(std::span<const std::byte> data) {
  return WriteFully(fd_, data, BaseName(path_));
}

Result<void> AtomicFile::Commit() {
  if (fsync(fd_) != 0 || rename(temporary_.c_str(), path_.c_str()) != 0) {
    return Fail(ErrorCode::kIo,
                fmt::format("{}: cannot complete the file: {}", BaseName(path_), Reason(errno)));
  }
  temporary_.clear();
  close(std::exchange(fd_, -1));
  return SyncFolderOf(path_);
}

Result<void> WriteFully(int fd, std::span<const std::byte> data, const std::string& name) {
  while (!data.empty()) {
    const ssize_t count = write(fd, data.data(), data.size());
    if (count < 0) {
      const int error = errno;
      if (error == EINTR) continue;
      const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
      return Fail(full ? ErrorCode::kResourceExhausted : ErrorCode::kIo,
                  fmt::format("{}: writing failed: {}{}", name, Reason(error),
                              full ? "; free some space and try again" : ""));
    }
    data = data.subspan(static_cast<size_t>(count));
  }
  return {};
}

Result<void> SyncFolderOf(const std::string& path) {
  const std::string folder = FolderOf(path);
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);
  const int error = errno;
  if (fd >= 0) close(fd);
  if (synced) return {};
  return Fail(ErrorCode::kIo,
              fmt::format("{}: cannot sync the folder: {}", BaseName(folder), Reason(error)));
}

}  // namespace dure::formats
