// Files as this room needs them: positional reads that are complete or an error, and new files that
// appear whole under their name or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/error.h"

namespace dure::formats {

/// A regular file open for reading. Nothing is mapped: when the file shrinks later, ReadAt fails
/// and no signal comes. Const members may be called from any thread.
class InputFile {
 public:
  /// Errors: kNotFound, kInvalidArgument (a folder, a pipe, a device), kIo.
  static Result<InputFile> Open(const std::string& path);
  ~InputFile();
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;

  /// Size in bytes when it was opened.
  uint64_t bytes() const { return bytes_; }
  const std::string& path() const { return path_; }
  /// Base name, for messages.
  std::string name() const;

  /// Fills `out` from `offset`, or kIo.
  Result<void> ReadAt(uint64_t offset, std::span<std::byte> out) const;

 private:
  InputFile(int fd, uint64_t bytes, std::string path);

  int fd_;
  uint64_t bytes_;
  std::string path_;
};

/// A file being written under a temporary name beside its final one. Without a successful Commit
/// the destructor removes it. One thread at a time.
class AtomicFile {
 public:
  /// Errors: kNotFound (the folder), kIo.
  static Result<AtomicFile> Create(const std::string& path);
  ~AtomicFile();
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;

  /// kResourceExhausted when the disk is full, else kIo.
  Result<void> Append(std::span<const std::byte> data);
  /// fsync, rename over the final name, fsync of the folder.
  Result<void> Commit();

 private:
  AtomicFile(int fd, std::string temporary, std::string path);

  int fd_;
  std::string temporary_;
  std::string path_;
};

/// Writes all of `data` at the descriptor's position. kResourceExhausted when the disk, the quota
/// or the process's file size limit is reached, else kIo. `name` is for the message.
Result<void> WriteFully(int fd, std::span<const std::byte> data, const std::string& name);

/// fsync of the folder that holds `path`, so that a rename or a removal in it survives a power cut.
Result<void> SyncFolderOf(const std::string& path);

}  // namespace dure::formats
