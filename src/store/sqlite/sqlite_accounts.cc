#include "store/sqlite/sqlite_accounts.h"

#include "store/name.h"
#include "store/secrets.h"
#include "store/sqlite/columns.h"
#include "store/sqlite/conversation_rows.h"

namespace dure::store::sqlite {

namespace {

using FoundAccount = std::optional<Account>;

constexpr char kCanAdminister[] =
    "role = 'admin' AND password_hash IS NOT NULL AND disabled_ms IS NULL";

const char* RoleName(Role role) { return role == Role::kAdmin ? "admin" : "member"; }

Result<FoundAccount> FindBy(Connection& connection, const char* column, std::string_view value) {
  auto statement = connection.Prepare(std::string("SELECT ") + kAccountColumns +
                                      " FROM accounts WHERE " + column + " = ?");
  if (!statement) return tl::unexpected(statement.error());
  const auto row = statement->Bind(value).Step();
  if (!row) return tl::unexpected(row.error());
  return *row ? FoundAccount(ReadAccount(*statement, 0)) : FoundAccount();
}

Result<bool> AnyAdmin(Connection& connection) {
  auto count = connection.QueryInt(std::string("SELECT EXISTS (SELECT 1 FROM accounts WHERE ") +
                                   kCanAdminister + ")");
  if (!count) return tl::unexpected(count.error());
  return *count != 0;
}

Result<Account> Existing(Connection& connection, std::string_view id) {
  auto found = FindBy(connection, "id", id);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return Fail(ErrorCode::kNotFound, "there is no such account");
  return std::move(**found);
}

Result<void> RequireFreeName(Connection& connection, const std::string& key, bool adopts) {
  auto holder = FindBy(connection, "name_key", key);
  if (!holder) return tl::unexpected(holder.error());
  if (!*holder || (adopts && (*holder)->id == kOwnerId)) return {};
  return Fail(ErrorCode::kConflict, "there is already an account of this name");
}

// The first administrator is whoever owned the folder before there were accounts.
Result<bool> AdoptsOwner(Connection& connection, const NewAccount& account) {
  if (account.role != Role::kAdmin || account.password_hash.empty()) return false;
  auto owner = FindBy(connection, "id", kOwnerId);
  if (!owner) return tl::unexpected(owner.error());
  return *owner && !(*owner)->has_password;
}

Result<void> Insert(Connection& connection, const NewAccount& account, const std::string& id,
                    const std::string& name) {
  auto statement = connection.Prepare(
      std::string("INSERT INTO accounts (id, name, name_key, role, password_hash, "
                  "created_ms, ") +
      kLimitColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  if (!statement) return tl::unexpected(statement.error());
  statement->Bind(id).Bind(name).Bind(NameKey(name)).Bind(std::string_view(RoleName(account.role)));
  statement->Bind(account.password_hash.empty() ? std::nullopt
                                                : std::optional(account.password_hash));
  statement->Bind(account.now_ms);
  BindLimits(*statement, account.limits);
  return statement->Run();
}

Result<void> Adopt(Connection& connection, const NewAccount& account, const std::string& name) {
  auto statement = connection.Prepare(
      std::string("UPDATE accounts SET (name, name_key, password_hash, created_ms, ") +
      kLimitColumns + ") = (?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?");
  if (!statement) return tl::unexpected(statement.error());
  statement->Bind(name).Bind(NameKey(name)).Bind(account.password_hash).Bind(account.now_ms);
  BindLimits(*statement, account.limits);
  return statement->Bind(std::string_view(kOwnerId)).Run();
}

Result<Account> CreateIn(Connection& connection, const NewAccount& account,
                         const std::string& name) {
  const auto adopts = AdoptsOwner(connection, account);
  if (!adopts) return tl::unexpected(adopts.error());
  if (auto free = RequireFreeName(connection, NameKey(name), *adopts); !free) {
    return tl::unexpected(free.error());
  }
  const std::string id = *adopts ? kOwnerId : NewId("user");
  auto written = *adopts ? Adopt(connection, account, name) : Insert(connection, account, id, name);
  if (!written) return tl::unexpected(written.error());
  return Existing(connection, id);
}

// Nobody may lock all administrators out, not even themselves.
Result<void> RequireAdmin(Connection& connection) {
  const auto any = AnyAdmin(connection);
  if (!any) return tl::unexpected(any.error());
  if (*any) return {};
  return Fail(ErrorCode::kConflict, "this is the last administrator: make somebody else one first");
}

Result<Account> ChangeIn(Connection& connection, const std::string& id, const AccountChange& change,
                         int64_t now_ms) {
  const auto before = Existing(connection, id);
  if (!before) return before;
  auto statement = connection.Prepare(
      std::string("UPDATE accounts SET (role, disabled_ms, password_hash, ") + kLimitColumns +
      ") = (?, ?, coalesce(?, password_hash), ?, ?, ?, ?, ?) WHERE id = ?");
  if (!statement) return tl::unexpected(statement.error());
  std::optional<int64_t> disabled = before->disabled_ms;
  if (change.disabled)
    disabled = *change.disabled ? disabled.value_or(now_ms) : std::optional<int64_t>();
  statement->Bind(std::string_view(RoleName(change.role.value_or(before->role)))).Bind(disabled);
  statement->Bind(change.password_hash);
  BindLimits(*statement, change.limits.value_or(before->limits));
  if (auto done = statement->Bind(std::string_view(id)).Run(); !done) {
    return tl::unexpected(done.error());
  }
  const bool was_admin = before->role == Role::kAdmin && before->has_password;
  if (was_admin) {
    if (auto left = RequireAdmin(connection); !left) return tl::unexpected(left.error());
  }
  return Existing(connection, id);
}

Result<void> RemoveIn(Connection& connection, const std::string& id) {
  const auto before = Existing(connection, id);
  if (!before) return tl::unexpected(before.error());
  auto words = ForgetWords(connection, id, "");
  if (words) words = connection.Execute("INSERT INTO words (words) VALUES ('optimize')");
  if (!words) return words;
  auto statement = connection.Prepare("DELETE FROM accounts WHERE id = ?");
  if (!statement) return tl::unexpected(statement.error());
  if (auto done = statement->Bind(std::string_view(id)).Run(); !done) return done;
  if (before->role != Role::kAdmin || !before->has_password) return {};
  return RequireAdmin(connection);
}

}  // namespace

Result<Account> SqliteAccounts::Create(const NewAccount& account) {
  auto name = CheckAccountName(account.name);
  if (!name) return tl::unexpected(name.error());
  return database_.Write<Account>(
      [&](Connection& connection) { return CreateIn(connection, account, *name); });
}

Result<FoundAccount> SqliteAccounts::Find(std::string_view id) {
  return database_.Read<FoundAccount>(
      [&](Connection& connection) { return FindBy(connection, "id", id); });
}

Result<FoundAccount> SqliteAccounts::FindByName(std::string_view name) {
  const std::string key = NameKey(name);
  return database_.Read<FoundAccount>(
      [&](Connection& connection) { return FindBy(connection, "name_key", key); });
}

Result<std::vector<Account>> SqliteAccounts::List() {
  using All = std::vector<Account>;
  return database_.Read<All>([](Connection& connection) -> Result<All> {
    auto statement =
        connection.Prepare(std::string("SELECT ") + kAccountColumns +
                           " FROM accounts WHERE password_hash IS NOT NULL ORDER BY name_key");
    if (!statement) return tl::unexpected(statement.error());
    All all;
    for (;;) {
      const auto row = statement->Step();
      if (!row) return tl::unexpected(row.error());
      if (!*row) return all;
      all.push_back(ReadAccount(*statement, 0));
    }
  });
}

Result<bool> SqliteAccounts::HasAdmin() { return database_.Read<bool>(AnyAdmin); }

Result<std::string> SqliteAccounts::PasswordHash(std::string_view id) {
  return database_.Read<std::string>([&](Connection& connection) -> Result<std::string> {
    auto statement = connection.Prepare("SELECT password_hash FROM accounts WHERE id = ?");
    if (!statement) return tl::unexpected(statement.error());
    const auto row = statement->Bind(id).Step();
    if (!row) return tl::unexpected(row.error());
    return *row ? statement->Text(0) : std::string();
  });
}

Result<Account> SqliteAccounts::Change(std::string_view id, const AccountChange& change,
                                       int64_t now_ms) {
  return database_.Write<Account>([&](Connection& connection) {
    return ChangeIn(connection, std::string(id), change, now_ms);
  });
}

Result<void> SqliteAccounts::Remove(std::string_view id) {
  return database_.writer.Now(
      [&](Connection& connection) { return RemoveIn(connection, std::string(id)); });
}

}  // namespace dure::store::sqlite
