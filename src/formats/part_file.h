// A download in progress: NAME.part holds the bytes so far, NAME.part.json where they came from.
// Both survive an interruption so that the next run resumes; the final name appears only by Commit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/error.h"

namespace dure::formats {

/// Which representation of which resource the bytes belong to.
struct PartOrigin {
  std::string url;
  std::string etag;  // strong validator (RFC 9110, section 8.8.3), or empty
};

/// Open for one process at a time (a lock on the file). One thread at a time.
class PartFile {
 public:
  /// Opens or creates `path`. Errors: kUnavailable when another process downloads to it, kNotFound
  /// (the folder), kIo.
  static Result<PartFile> Open(const std::string& path);
  ~PartFile();
  PartFile(PartFile&& other) noexcept;
  PartFile& operator=(PartFile&& other) noexcept;

  const std::string& path() const { return path_; }
  uint64_t bytes() const { return bytes_; }
  const PartOrigin& origin() const { return origin_; }

  Result<void> SetOrigin(PartOrigin origin);
  /// Cuts to `bytes`, which must not exceed bytes().
  Result<void> TruncateTo(uint64_t bytes);
  /// kResourceExhausted when the disk is full.
  Result<void> Append(std::span<const std::byte> data);
  /// Makes the data durable, renames it to `final_path` in the same folder, and removes the
  /// origin's file. Afterwards the object is of no further use.
  Result<void> Commit(const std::string& final_path);
  /// Removes both files. Afterwards the object is of no further use.
  void Remove();

 private:
  PartFile(int fd, std::string path, uint64_t bytes);
  std::string OriginPath() const { return path_ + ".json"; }
  void LoadOrigin();

  int fd_;
  std::string path_;
  uint64_t bytes_;
  PartOrigin origin_;
};

}  // namespace dure::formats
