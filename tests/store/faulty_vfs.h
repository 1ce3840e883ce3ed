// A file system for SQLite whose writes and syncs fail when the test says so.
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <string>
#include <utility>

namespace dure::store {

/// Registered under `name` as long as it lives; everything goes to SQLite's default file system.
class FaultyVfs {
 public:
  explicit FaultyVfs(std::string name)
      : name_(std::move(name)), real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
    vfs_.zName = name_.c_str();
    vfs_.pAppData = this;
    vfs_.szOsFile = ExtraOffset(*real_) + static_cast<int>(sizeof(Extra));
    vfs_.xOpen = Open;
    sqlite3_vfs_register(&vfs_, 0);
  }
  ~FaultyVfs() { sqlite3_vfs_unregister(&vfs_); }
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  const std::string& name() const { return name_; }
  /// Every write or sync from the n-th on (from now, counted from 1) fails with SQLite's `code`.
  void FailFrom(int n, int code) {
    operations_ = 0;
    code_ = code;
    first_failure_ = n;
  }
  void Heal() { FailFrom(0, SQLITE_OK); }
  /// Writes and syncs since the last FailFrom.
  int operations() const { return operations_; }

 private:
  // Stands behind the real file's own state in the memory that SQLite gives for it.
  struct Extra {
    FaultyVfs* owner;
    const sqlite3_io_methods* real;
    sqlite3_io_methods methods;
  };

  static int ExtraOffset(const sqlite3_vfs& real) { return (real.szOsFile + 15) / 16 * 16; }
  static Extra& ExtraOf(sqlite3_file* file, const sqlite3_vfs& real) {
    return *reinterpret_cast<Extra*>(reinterpret_cast<char*>(file) + ExtraOffset(real));
  }

  static int Open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out) {
    auto* self = static_cast<FaultyVfs*>(vfs->pAppData);
    const int code = self->real_->xOpen(self->real_, path, file, flags, out);
    if (file->pMethods == nullptr) return code;
    Extra& extra = ExtraOf(file, *self->real_);
    extra = {self, file->pMethods, *file->pMethods};
    extra.methods.xWrite = Write;
    extra.methods.xSync = Sync;
    file->pMethods = &extra.methods;
    return code;
  }
  static Extra& Find(sqlite3_file* file) { return ExtraOf(file, *sqlite3_vfs_find(nullptr)); }
  static int Write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
    const Extra& extra = Find(file);
    const int code = extra.owner->Next();
    return code != SQLITE_OK ? code : extra.real->xWrite(file, data, size, offset);
  }
  static int Sync(sqlite3_file* file, int flags) {
    const Extra& extra = Find(file);
    const int code = extra.owner->Next();
    return code != SQLITE_OK ? code : extra.real->xSync(file, flags);
  }

  int Next() {
    const int number = ++operations_;
    const int first = first_failure_;
    return first > 0 && number >= first ? code_.load() : SQLITE_OK;
  }

  std::string name_;
  sqlite3_vfs* real_;
  sqlite3_vfs vfs_;
  std::atomic<int> operations_{0};
  std::atomic<int> first_failure_{0};
  std::atomic<int> code_{SQLITE_OK};
};

}  // namespace dure::store
