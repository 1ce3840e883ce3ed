#include "store/sqlite/sqlite_providers.h"

#include "store/secrets.h"
#include "store/sqlite/columns.h"

namespace dure::store::sqlite {

namespace {

constexpr char kColumns[] =
    "id, name, base_url, models, enabled, connect_timeout_ms, first_byte_timeout_ms, "
    "idle_timeout_ms, max_tokens_parameter, omit_defaults, key_sealed IS NOT NULL, key_hint, "
    "created_ms, changed_ms";

StoredProvider ReadProvider(const Statement& row) {
  StoredProvider provider;
  provider.id = row.Text(0);
  ProviderSetup& setup = provider.setup;
  setup.name = row.Text(1);
  setup.base_url = row.Text(2);
  setup.models = ParseNames(row.OptionalText(3));
  setup.enabled = row.Int(4) != 0;
  setup.connect_timeout_ms = row.OptionalInt(5);
  setup.first_byte_timeout_ms = row.OptionalInt(6);
  setup.idle_timeout_ms = row.OptionalInt(7);
  setup.max_tokens_parameter = row.OptionalText(8);
  if (const auto omit = row.OptionalInt(9)) setup.omit_defaults = *omit != 0;
  provider.has_key = row.Int(10) != 0;
  provider.key_hint = row.Text(11);
  provider.created_ms = row.Int(12);
  provider.changed_ms = row.Int(13);
  return provider;
}

void BindSetup(Statement& statement, const ProviderSetup& setup) {
  std::optional<int64_t> omit;
  if (setup.omit_defaults) omit = *setup.omit_defaults ? 1 : 0;
  statement.Bind(std::string_view(setup.name))
      .Bind(std::string_view(setup.base_url))
      .Bind(NamesText(setup.models))
      .Bind(static_cast<int64_t>(setup.enabled))
      .Bind(setup.connect_timeout_ms)
      .Bind(setup.first_byte_timeout_ms)
      .Bind(setup.idle_timeout_ms)
      .Bind(setup.max_tokens_parameter)
      .Bind(omit);
}

// What a sealed key is bound to: it opens for no other row, and for no other address.
std::string BoundTo(std::string_view id, std::string_view base_url) {
  return "provider\n" + std::string(id) + "\n" + std::string(base_url);
}

Result<std::optional<StoredProvider>> FindIn(Connection& connection, std::string_view id) {
  auto statement =
      connection.Prepare(std::string("SELECT ") + kColumns + " FROM providers WHERE id = ?");
  if (!statement) return tl::unexpected(statement.error());
  const auto row = statement->Bind(id).Step();
  if (!row) return tl::unexpected(row.error());
  return *row ? std::optional(ReadProvider(*statement)) : std::nullopt;
}

Result<StoredProvider> Existing(Connection& connection, std::string_view id) {
  auto found = FindIn(connection, id);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return Fail(ErrorCode::kNotFound, "there is no such provider");
  return std::move(**found);
}

Result<void> RequireFreeName(Connection& connection, const std::string& name, std::string_view id) {
  auto statement = connection.Prepare("SELECT 1 FROM providers WHERE name = ? AND id <> ?");
  if (!statement) return tl::unexpected(statement.error());
  const auto row = statement->Bind(std::string_view(name)).Bind(id).Step();
  if (!row) return tl::unexpected(row.error());
  if (*row) return Fail(ErrorCode::kConflict, "there is a provider '" + name + "' already");
  return {};
}

Result<void> RequireRoom(Connection& connection) {
  const auto count = connection.QueryInt("SELECT count(*) FROM providers");
  if (!count) return tl::unexpected(count.error());
  if (*count < Providers::kMostProviders) return {};
  return Fail(ErrorCode::kConflict, "there can be " + std::to_string(Providers::kMostProviders) +
                                        " providers: remove one");
}

Result<void> SetKey(Connection& connection, std::string_view id,
                    const std::optional<std::string>& sealed, const std::string& hint) {
  auto statement =
      connection.Prepare("UPDATE providers SET key_sealed = ?, key_hint = ? WHERE id = ?");
  if (!statement) return tl::unexpected(statement.error());
  if (sealed) {
    statement->BindBlob(*sealed);
  } else {
    statement->Bind(std::optional<std::string>());
  }
  return statement->Bind(std::string_view(hint)).Bind(id).Run();
}

Result<StoredProvider> Insert(Connection& connection, const std::string& id,
                              const ProviderSetup& setup, const std::optional<std::string>& sealed,
                              const std::string& hint, int64_t now_ms) {
  if (auto room = RequireRoom(connection); !room) return tl::unexpected(room.error());
  if (auto free = RequireFreeName(connection, setup.name, id); !free) {
    return tl::unexpected(free.error());
  }
  auto statement = connection.Prepare(
      "INSERT INTO providers (name, base_url, models, enabled, connect_timeout_ms, "
      "first_byte_timeout_ms, idle_timeout_ms, max_tokens_parameter, omit_defaults, id, key_hint, "
      "created_ms, changed_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?)");
  if (!statement) return tl::unexpected(statement.error());
  BindSetup(*statement, setup);
  statement->Bind(std::string_view(id)).Bind(now_ms).Bind(now_ms);
  if (auto done = statement->Run(); !done) return tl::unexpected(done.error());
  if (auto done = SetKey(connection, id, sealed, hint); !done) return tl::unexpected(done.error());
  return Existing(connection, id);
}

Result<StoredProvider> Update(Connection& connection, std::string_view id,
                              const ProviderSetup& setup, bool new_key,
                              const std::optional<std::string>& sealed, const std::string& hint,
                              int64_t now_ms) {
  const auto before = Existing(connection, id);
  if (!before) return before;
  if (before->has_key && !new_key && before->setup.base_url != setup.base_url) {
    return Fail(ErrorCode::kConflict,
                "a key is sent only where it was meant for: give it again with the new address");
  }
  if (auto free = RequireFreeName(connection, setup.name, id); !free) {
    return tl::unexpected(free.error());
  }
  auto statement = connection.Prepare(
      "UPDATE providers SET (name, base_url, models, enabled, connect_timeout_ms, "
      "first_byte_timeout_ms, idle_timeout_ms, max_tokens_parameter, omit_defaults, changed_ms) = "
      "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?");
  if (!statement) return tl::unexpected(statement.error());
  BindSetup(*statement, setup);
  if (auto done = statement->Bind(now_ms).Bind(id).Run(); !done) {
    return tl::unexpected(done.error());
  }
  if (new_key) {
    if (auto done = SetKey(connection, id, sealed, hint); !done) {
      return tl::unexpected(done.error());
    }
  }
  return Existing(connection, id);
}

}  // namespace

Result<StoredProvider> SqliteProviders::Create(const ProviderSetup& setup, std::string_view key,
                                               int64_t now_ms) {
  const std::string id = NewId("provider");
  std::optional<std::string> sealed;
  if (!key.empty()) {
    auto made = box_.Seal(key, BoundTo(id, setup.base_url));
    if (!made) return tl::unexpected(made.error());
    sealed = std::move(*made);
  }
  return database_.Write<StoredProvider>([&](Connection& connection) {
    return Insert(connection, id, setup, sealed, KeyHint(key), now_ms);
  });
}

Result<std::optional<StoredProvider>> SqliteProviders::Find(std::string_view id) {
  return database_.Read<std::optional<StoredProvider>>(
      [&](Connection& connection) { return FindIn(connection, id); });
}

Result<std::vector<StoredProvider>> SqliteProviders::List() {
  using All = std::vector<StoredProvider>;
  return database_.Read<All>([&](Connection& connection) -> Result<All> {
    auto statement =
        connection.Prepare(std::string("SELECT ") + kColumns + " FROM providers ORDER BY name");
    if (!statement) return tl::unexpected(statement.error());
    All all;
    for (;;) {
      const auto row = statement->Step();
      if (!row) return tl::unexpected(row.error());
      if (!*row) return all;
      all.push_back(ReadProvider(*statement));
    }
  });
}

Result<StoredProvider> SqliteProviders::Change(std::string_view id, const ProviderSetup& setup,
                                               const std::optional<std::string>& key,
                                               int64_t now_ms) {
  std::optional<std::string> sealed;
  if (key && !key->empty()) {
    auto made = box_.Seal(*key, BoundTo(id, setup.base_url));
    if (!made) return tl::unexpected(made.error());
    sealed = std::move(*made);
  }
  return database_.Write<StoredProvider>([&](Connection& connection) {
    return Update(connection, id, setup, key.has_value(), sealed, KeyHint(key.value_or("")),
                  now_ms);
  });
}

Result<bool> SqliteProviders::Remove(std::string_view id) {
  return database_.Write<bool>([&](Connection& connection) -> Result<bool> {
    auto statement = connection.Prepare("DELETE FROM providers WHERE id = ?");
    if (!statement) return tl::unexpected(statement.error());
    if (auto done = statement->Bind(id).Run(); !done) return tl::unexpected(done.error());
    return connection.changed_rows() > 0;
  });
}

Result<std::string> SqliteProviders::Key(std::string_view id) {
  struct Sealed {
    std::string base_url;
    std::optional<std::string> key;
  };
  const auto found = database_.Read<Sealed>([&](Connection& connection) -> Result<Sealed> {
    auto statement = connection.Prepare("SELECT base_url, key_sealed FROM providers WHERE id = ?");
    if (!statement) return tl::unexpected(statement.error());
    const auto row = statement->Bind(id).Step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return Fail(ErrorCode::kNotFound, "there is no such provider");
    return Sealed{statement->Text(0), statement->OptionalText(1)};
  });
  if (!found) return tl::unexpected(found.error());
  if (!found->key) return std::string();
  return box_.Open(*found->key, BoundTo(id, found->base_url));
}

}  // namespace dure::store::sqlite
