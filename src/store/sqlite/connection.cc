#include "store/sqlite/connection.h"

#include <sqlite3.h>

#include <utility>

namespace dure::store::sqlite {

namespace {

constexpr int kBusyMilliseconds = 5000;  // another process commits in much less

constexpr char kSettings[] =
    "PRAGMA foreign_keys = ON;"
    "PRAGMA synchronous = FULL;"  // a commit is on disk when it returns
    "PRAGMA secure_delete = ON;"  // what is deleted is overwritten
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA cache_size = -2048;"  // KiB
    "PRAGMA mmap_size = 0;"       // a file cut short must be an error, not a SIGBUS
    "PRAGMA journal_size_limit = 16777216;"
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA cell_size_check = ON;";

ErrorCode CodeOf(int failure) {
  switch (failure & 0xff) {
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
      return ErrorCode::kResourceExhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
      return ErrorCode::kCorrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return ErrorCode::kUnavailable;
    case SQLITE_CONSTRAINT:
      return ErrorCode::kConflict;
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return ErrorCode::kIo;
    default:
      return ErrorCode::kInternal;
  }
}

std::string_view Explain(int failure) {
  switch (failure & 0xff) {
    case SQLITE_FULL:
      return "the disk that holds the data folder is full";
    case SQLITE_READONLY:
      return "the database is read-only";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
      return "the database file is damaged; restore it from a backup";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return "another process holds the database";
    case SQLITE_IOERR:
      return "the database could not be read or written";
    case SQLITE_CANTOPEN:
      return "the database could not be opened";
    case SQLITE_NOMEM:
      return "out of memory for the database";
    default:
      return "the database refused";
  }
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_),
      statement_(std::exchange(other.statement_, nullptr)),
      in_use_(other.in_use_),
      bound_(other.bound_),
      bind_failure_(other.bind_failure_) {}

Statement::~Statement() {
  if (statement_ == nullptr) return;
  if (in_use_ == nullptr) {
    sqlite3_finalize(statement_);
    return;
  }
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  *in_use_ = false;
}

Statement& Statement::Bind(int64_t value) {
  const int code = sqlite3_bind_int64(statement_, ++bound_, value);
  if (code != SQLITE_OK) bind_failure_ = code;
  return *this;
}

Statement& Statement::Bind(std::string_view text) {
  // A null pointer would bind NULL.
  const char* data = text.data() != nullptr ? text.data() : "";
  const int code =
      sqlite3_bind_text64(statement_, ++bound_, data, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) bind_failure_ = code;
  return *this;
}

Statement& Statement::Bind(const std::optional<int64_t>& value) {
  if (value) return Bind(*value);
  ++bound_;  // unbound parameters are NULL
  return *this;
}

Statement& Statement::Bind(const std::optional<std::string>& text) {
  if (text) return Bind(std::string_view(*text));
  ++bound_;
  return *this;
}

Statement& Statement::BindBlob(std::string_view bytes) {
  const char* data = bytes.data() != nullptr ? bytes.data() : "";
  const int code = sqlite3_bind_blob64(statement_, ++bound_, data, bytes.size(), SQLITE_TRANSIENT);
  if (code != SQLITE_OK) bind_failure_ = code;
  return *this;
}

Result<bool> Statement::Step() {
  if (bind_failure_ != 0) return connection_->Failure(bind_failure_);
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return connection_->Failure(code);
}

Result<void> Statement::Run() {
  for (;;) {
    const auto row = Step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
  }
}

int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Statement::Text(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  const auto size = static_cast<size_t>(sqlite3_column_bytes(statement_, column));
  return data != nullptr ? std::string(static_cast<const char*>(data), size) : std::string();
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::optional<int64_t> Statement::OptionalInt(int column) const {
  return IsNull(column) ? std::nullopt : std::optional(Int(column));
}

std::optional<std::string> Statement::OptionalText(int column) const {
  return IsNull(column) ? std::nullopt : std::optional(Text(column));
}

Result<std::unique_ptr<Connection>> Connection::Open(const std::string& path, Access access,
                                                     const std::string& vfs) {
  std::unique_ptr<Connection> connection(new Connection);
  // Readers need write access to the shared-memory file of the WAL.
  const int flags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.c_str(), &connection->handle_, flags,
                                   vfs.empty() ? nullptr : vfs.c_str());
  if (code != SQLITE_OK) return connection->Failure(code);
  sqlite3_busy_timeout(connection->handle_, kBusyMilliseconds);
  sqlite3_db_config(connection->handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  if (auto set = connection->Execute(kSettings); !set) return tl::unexpected(set.error());
  if (access == Access::kReadOnly) {
    if (auto set = connection->Execute("PRAGMA query_only = ON;"); !set) {
      return tl::unexpected(set.error());
    }
  }
  return connection;
}

Connection::~Connection() {
  for (auto& [sql, cached] : cache_) sqlite3_finalize(cached.statement);
  sqlite3_close(handle_);
}

Result<Statement> Connection::Prepare(std::string_view sql) {
  Cached& cached = cache_[std::string(sql)];
  if (cached.statement != nullptr && !cached.in_use) {
    cached.in_use = true;
    return Statement(this, cached.statement, &cached.in_use);
  }
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return Failure(code);
  if (cached.statement != nullptr) return Statement(this, statement, nullptr);
  cached = {statement, true};
  return Statement(this, statement, &cached.in_use);
}

Result<void> Connection::Execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return Failure(code);
  return {};
}

Result<int64_t> Connection::QueryInt(const std::string& sql) {
  auto statement = Prepare(sql);
  if (!statement) return tl::unexpected(statement.error());
  const auto row = statement->Step();
  if (!row) return tl::unexpected(row.error());
  return *row ? statement->Int(0) : 0;
}

int64_t Connection::changed_rows() const { return sqlite3_changes64(handle_); }

int64_t Connection::last_row_id() const { return sqlite3_last_insert_rowid(handle_); }

bool Connection::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

tl::unexpected<Error> Connection::Failure(int code) const {
  const char* detail = handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
  return Fail(CodeOf(code), std::string(Explain(code)) + " (" + detail + ")");
}

}  // namespace dure::store::sqlite
