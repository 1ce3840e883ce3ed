#include "store/sqlite/sqlite_keys.h"

#include "store/name.h"
#include "store/secrets.h"
#include "store/sqlite/columns.h"

namespace dure::store::sqlite {

namespace {

constexpr int64_t kTouchMs = 60'000;
constexpr size_t kMostNameCharacters = 128;

constexpr char kKeyColumns[] =
    "keys.id, keys.account_id, keys.name, keys.prefix, keys.scopes, keys.created_ms, "
    "keys.expires_ms, keys.revoked_ms, keys.last_used_ms, keys.requests_per_minute, "
    "keys.tokens_per_minute, keys.parallel_requests, keys.tokens_per_day, keys.models";
constexpr int kKeyColumnCount = 14;

ApiKey ReadKey(const Statement& row) {
  ApiKey key;
  key.id = row.Text(0);
  key.account_id = row.Text(1);
  key.name = row.Text(2);
  key.prefix = row.Text(3);
  key.scopes = static_cast<uint32_t>(row.Int(4));
  key.created_ms = row.Int(5);
  key.expires_ms = row.OptionalInt(6);
  key.revoked_ms = row.OptionalInt(7);
  key.last_used_ms = row.OptionalInt(8);
  key.limits = ReadLimits(row, 9);
  return key;
}

Result<std::optional<ApiKey>> FindById(Connection& connection, std::string_view id) {
  auto statement =
      connection.Prepare(std::string("SELECT ") + kKeyColumns + " FROM keys WHERE id = ?");
  if (!statement) return tl::unexpected(statement.error());
  const auto row = statement->Bind(id).Step();
  if (!row) return tl::unexpected(row.error());
  return *row ? std::optional(ReadKey(*statement)) : std::nullopt;
}

Result<void> RequireRoom(Connection& connection, const std::string& account_id) {
  auto statement = connection.Prepare(
      "SELECT (SELECT count(*) FROM keys WHERE account_id = ?1 AND revoked_ms IS NULL), "
      "EXISTS (SELECT 1 FROM accounts WHERE id = ?1)");
  if (!statement) return tl::unexpected(statement.error());
  const auto row = statement->Bind(std::string_view(account_id)).Step();
  if (!row) return tl::unexpected(row.error());
  if (statement->Int(1) == 0) return Fail(ErrorCode::kNotFound, "there is no such account");
  if (statement->Int(0) < ApiKeys::kMostKeys) return {};
  return Fail(ErrorCode::kResourceExhausted, "an account can have " +
                                                 std::to_string(ApiKeys::kMostKeys) +
                                                 " keys: revoke one that is not needed any more");
}

Result<ApiKey> CreateIn(Connection& connection, const NewKey& wanted, const std::string& name) {
  if (auto room = RequireRoom(connection, wanted.account_id); !room) {
    return tl::unexpected(room.error());
  }
  const std::string id = NewId("key");
  auto statement = connection.Prepare(
      std::string("INSERT INTO keys (id, account_id, name, prefix, key_hash, scopes, created_ms, "
                  "expires_ms, ") +
      kLimitColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  if (!statement) return tl::unexpected(statement.error());
  statement->Bind(std::string_view(id))
      .Bind(std::string_view(wanted.account_id))
      .Bind(std::string_view(name))
      .Bind(std::string_view(wanted.prefix))
      .BindBlob(wanted.key_hash)
      .Bind(static_cast<int64_t>(wanted.scopes))
      .Bind(wanted.now_ms)
      .Bind(wanted.expires_ms);
  BindLimits(*statement, wanted.limits);
  if (auto done = statement->Run(); !done) return tl::unexpected(done.error());
  auto created = FindById(connection, id);
  if (!created) return tl::unexpected(created.error());
  if (!*created) return Fail(ErrorCode::kInternal, "a new key is not there");
  return std::move(**created);
}

}  // namespace

Result<ApiKey> SqliteKeys::Create(const NewKey& key) {
  auto name = NormaliseName(key.name, kMostNameCharacters);
  if (!name) return Fail(ErrorCode::kInvalidArgument, "the key's name " + name.error().message);
  return database_.Write<ApiKey>(
      [&](Connection& connection) { return CreateIn(connection, key, *name); });
}

Result<std::optional<KeyOwner>> SqliteKeys::FindByHash(std::string_view key_hash) {
  using Found = std::optional<KeyOwner>;
  return database_.Read<Found>([&](Connection& connection) -> Result<Found> {
    auto statement =
        connection.Prepare(std::string("SELECT ") + kKeyColumns + ", " + kAccountColumns +
                           " FROM keys JOIN accounts ON accounts.id = keys.account_id "
                           "WHERE key_hash = ?");
    if (!statement) return tl::unexpected(statement.error());
    const auto row = statement->BindBlob(key_hash).Step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return Found();
    return Found({ReadKey(*statement), ReadAccount(*statement, kKeyColumnCount)});
  });
}

Result<std::optional<ApiKey>> SqliteKeys::Find(std::string_view id) {
  return database_.Read<std::optional<ApiKey>>(
      [&](Connection& connection) { return FindById(connection, id); });
}

Result<bool> SqliteKeys::IsLive(std::string_view id, int64_t now_ms) {
  return database_.Read<bool>([&](Connection& connection) -> Result<bool> {
    auto statement = connection.Prepare(
        "SELECT 1 FROM keys JOIN accounts ON accounts.id = keys.account_id WHERE keys.id = ? "
        "AND revoked_ms IS NULL AND disabled_ms IS NULL AND (expires_ms IS NULL OR expires_ms > "
        "?)");
    if (!statement) return tl::unexpected(statement.error());
    return statement->Bind(id).Bind(now_ms).Step();
  });
}

Result<std::vector<ApiKey>> SqliteKeys::List(std::string_view account_id) {
  using All = std::vector<ApiKey>;
  return database_.Read<All>([&](Connection& connection) -> Result<All> {
    auto statement =
        connection.Prepare(std::string("SELECT ") + kKeyColumns +
                           " FROM keys WHERE ?1 = '' OR account_id = ?1 ORDER BY created_ms, id");
    if (!statement) return tl::unexpected(statement.error());
    statement->Bind(account_id);
    All all;
    for (;;) {
      const auto row = statement->Step();
      if (!row) return tl::unexpected(row.error());
      if (!*row) return all;
      all.push_back(ReadKey(*statement));
    }
  });
}

Result<bool> SqliteKeys::Revoke(std::string_view account_id, std::string_view id, int64_t now_ms) {
  return database_.Write<bool>([&](Connection& connection) -> Result<bool> {
    auto statement = connection.Prepare(
        "UPDATE keys SET revoked_ms = coalesce(revoked_ms, ?1) "
        "WHERE id = ?2 AND (?3 = '' OR account_id = ?3)");
    if (!statement) return tl::unexpected(statement.error());
    if (auto done = statement->Bind(now_ms).Bind(id).Bind(account_id).Run(); !done) {
      return tl::unexpected(done.error());
    }
    return connection.changed_rows() > 0;
  });
}

void SqliteKeys::Touch(const ApiKey& key, int64_t now_ms) {
  if (key.last_used_ms && now_ms - *key.last_used_ms < kTouchMs) return;
  // Requests that come before the first one's note is written repeat it; it stays one row.
  database_.writer.Later([id = key.id, now_ms](Connection& connection) -> Result<void> {
    auto statement = connection.Prepare(
        "UPDATE keys SET last_used_ms = ? WHERE id = ? AND coalesce(last_used_ms, 0) < ?");
    if (!statement) return tl::unexpected(statement.error());
    return statement->Bind(now_ms).Bind(std::string_view(id)).Bind(now_ms - kTouchMs + 1).Run();
  });
}

}  // namespace dure::store::sqlite
