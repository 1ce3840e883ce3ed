// Bytes as a file that never touches a disk, for readers that take a path.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace dure {

class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes)
      : MemoryFile(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()) {}
  MemoryFile(const uint8_t* data, size_t size) : fd_(memfd_create("bytes", MFD_CLOEXEC)) {
    if (fd_ < 0) abort();
    while (size > 0) {
      const ssize_t written = write(fd_, data, size);
      if (written <= 0) abort();
      data += written;
      size -= static_cast<size_t>(written);
    }
  }
  ~MemoryFile() { close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

}  // namespace dure
