// Connections for reading, shared by all threads. In WAL mode they never wait for the writer.
// Private to store/.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "store/sqlite/connection.h"

namespace dure::store::sqlite {

/// Thread-safe.
class Readers {
 public:
  static constexpr size_t kMostReaders = 8;

  Readers(std::string path, std::string vfs) : path_(std::move(path)), vfs_(std::move(vfs)) {}

  /// Lends a connection to `read`, opening one where needed; waits when kMostReaders are lent.
  template <typename T>
  Result<T> Get(const std::function<Result<T>(Connection&)>& read) {
    auto connection = Borrow();
    if (!connection) return tl::unexpected(connection.error());
    const Lease lease{*this, std::move(*connection)};
    return read(*lease.connection);
  }

 private:
  struct Lease {
    Readers& readers;
    mutable std::unique_ptr<Connection> connection;
    ~Lease() { readers.Return(std::move(connection)); }
  };

  Result<std::unique_ptr<Connection>> Borrow();
  void Return(std::unique_ptr<Connection> connection);

  const std::string path_;
  const std::string vfs_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_;
  size_t lent_ = 0;
};

}  // namespace dure::store::sqlite
