// The database that all parts of the store share. Private to store/.
#pragma once

#include <functional>
#include <memory>

#include "store/sqlite/readers.h"
#include "store/sqlite/writer.h"

namespace dure::store::sqlite {

struct Database {
  Database(std::unique_ptr<Connection> connection, WriterOptions options, std::string path,
           std::string vfs)
      : readers(std::move(path), std::move(vfs)),
        writer(std::move(connection), std::move(options)) {}

  template <typename T>
  Result<T> Read(const std::function<Result<T>(Connection&)>& read) {
    return readers.Get<T>(read);
  }
  template <typename T>
  Result<T> Write(const std::function<Result<T>(Connection&)>& work) {
    return writer.Get<T>(work);
  }

  Readers readers;
  Writer writer;
};

}  // namespace dure::store::sqlite
