#include "store/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace dure::store {

namespace {

// The process id that the owner of a lock file wrote into it; "" when it cannot be read.
std::string OwnerOf(int fd) {
  char text[32] = {};
  const ssize_t count = ::pread(fd, text, sizeof text - 1, 0);
  std::string_view owner(text, count > 0 ? static_cast<size_t>(count) : 0);
  owner = owner.substr(0, owner.find_first_not_of("0123456789"));
  return std::string(owner);
}

}  // namespace

std::string DefaultDataFolder() {
  const char* data = std::getenv("XDG_DATA_HOME");
  if (data != nullptr && *data != '\0') return std::string(data) + "/dure";
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr ? home : ".") + "/.local/share/dure";
}

Result<std::unique_ptr<DataFolder>> DataFolder::Open(const std::string& path) {
  std::error_code failed;
  const std::filesystem::path parent = std::filesystem::absolute(path, failed).parent_path();
  std::filesystem::create_directories(parent, failed);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return Fail(ErrorCode::kIo,
                "cannot create the data folder " + path + ": " + std::strerror(errno));
  }
  const std::string lock_path = path + "/dure.lock";
  const int fd = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return Fail(ErrorCode::kIo,
                "cannot write to the data folder " + path + ": " + std::strerror(errno));
  }
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const std::string owner = OwnerOf(fd);
    ::close(fd);
    return Fail(ErrorCode::kUnavailable, "the data folder " + path +
                                             " belongs to a server that runs" +
                                             (owner.empty() ? "" : " as process " + owner) +
                                             "; stop it, or choose another folder with --data");
  }
  const std::string owner = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, owner.data(), owner.size(), 0) < 0) {
    const std::string reason = std::strerror(errno);
    ::close(fd);
    return Fail(ErrorCode::kIo, "cannot write to the data folder " + path + ": " + reason);
  }
  return std::unique_ptr<DataFolder>(new DataFolder(path, fd));
}

DataFolder::~DataFolder() { ::close(lock_fd_); }

}  // namespace dure::store
