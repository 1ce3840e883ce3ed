#include "store/sqlite/readers.h"

namespace dure::store::sqlite {

Result<std::unique_ptr<Connection>> Readers::Borrow() {
  {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [&] { return lent_ < kMostReaders; });
    ++lent_;
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  auto opened = Connection::Open(path_, Access::kReadOnly, vfs_);
  if (!opened) Return(nullptr);
  return opened;
}

void Readers::Return(std::unique_ptr<Connection> connection) {
  {
    const std::lock_guard lock(mutex_);
    --lent_;
    if (connection != nullptr) idle_.push_back(std::move(connection));
  }
  returned_.notify_one();
}

}  // namespace dure::store::sqlite
