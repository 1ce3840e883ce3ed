// One connection to the SQLite database: prepared statements kept for reuse, failures as Results.
// Private to store/. A connection and its statements belong to one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace dure::store::sqlite {

class Connection;

/// A prepared statement in use; let go of, it is reset and kept for the next time. Columns count
/// from 0. Must not outlive its connection.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  /// The next parameter, in order. A parameter that does not fit is reported by Step.
  Statement& Bind(int64_t value);
  Statement& Bind(std::string_view text);
  Statement& Bind(const std::string& text) { return Bind(std::string_view(text)); }
  Statement& Bind(const std::optional<int64_t>& value);
  Statement& Bind(const std::optional<std::string>& text);
  Statement& BindBlob(std::string_view bytes);

  /// True: there is a row.
  Result<bool> Step();
  /// To the end, whatever rows there are.
  Result<void> Run();

  int64_t Int(int column) const;
  std::string Text(int column) const;  // also a blob's bytes; "" for NULL
  bool IsNull(int column) const;
  std::optional<int64_t> OptionalInt(int column) const;
  std::optional<std::string> OptionalText(int column) const;

 private:
  friend class Connection;
  Statement(Connection* connection, sqlite3_stmt* statement, bool* in_use)
      : connection_(connection), statement_(statement), in_use_(in_use) {}

  Connection* connection_;
  sqlite3_stmt* statement_;
  bool* in_use_;  // nullptr: not from the cache, finalised at the end
  int bound_ = 0;
  int bind_failure_ = 0;
};

enum class Access { kReadWrite, kReadOnly };

class Connection {
 public:
  /// Opens an existing file. Errors: those of store.h.
  static Result<std::unique_ptr<Connection>> Open(const std::string& path, Access access,
                                                  const std::string& vfs);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Errors: kInternal for SQL that does not compile.
  Result<Statement> Prepare(std::string_view sql);
  /// One or more statements without parameters and results.
  Result<void> Execute(const std::string& sql);
  /// The one integer that a query gives.
  Result<int64_t> QueryInt(const std::string& sql);

  int64_t changed_rows() const;  // by the last statement
  int64_t last_row_id() const;
  /// False after a failure that made SQLite roll back by itself.
  bool in_transaction() const;
  /// What SQLite's last failure is to our callers.
  tl::unexpected<Error> Failure(int code) const;

 private:
  struct Cached {
    sqlite3_stmt* statement = nullptr;
    bool in_use = false;
  };

  Connection() = default;

  sqlite3* handle_ = nullptr;
  std::unordered_map<std::string, Cached> cache_;
};

}  // namespace dure::store::sqlite
