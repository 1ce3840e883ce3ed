// The folder that holds everything a server keeps, and the lock that says which process owns it.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"

namespace dure::store {

/// $XDG_DATA_HOME/dure, else $HOME/.local/share/dure.
std::string DefaultDataFolder();

/// Owns the folder as long as it lives; the lock ends with the process, however that ends.
class DataFolder {
 public:
  /// Creates the folder, for its owner's eyes only (0700), where it does not exist. Errors: kIo
  /// (cannot be created or written), kUnavailable (another server owns it; the message names that
  /// process).
  static Result<std::unique_ptr<DataFolder>> Open(const std::string& path);
  ~DataFolder();
  DataFolder(const DataFolder&) = delete;
  DataFolder& operator=(const DataFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  DataFolder(std::string path, int lock_fd) : path_(std::move(path)), lock_fd_(lock_fd) {}

  std::string path_;
  int lock_fd_;
};

}  // namespace dure::store
