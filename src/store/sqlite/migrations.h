// From any earlier schema to this program's (src/store/migrations). Private to store/.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "store/sqlite/connection.h"

namespace dure::store::sqlite {

struct Migration {
  int version;            // the schema's after it; 1, 2, 3 ...
  std::string_view name;  // "0001_accounts"
  const char* sql;
};

/// In order.
std::span<const Migration> AllMigrations();

/// Marks a file as Dure's: "DURE" in ASCII.
inline constexpr int64_t kApplicationId = 0x44555245;

/// The schema's version; 0 for an empty file. Errors: kCorrupt for another program's database.
Result<int64_t> SchemaVersion(Connection& connection);

/// Applies what is missing of `migrations`, all in one transaction. An existing schema is first
/// copied to backup_folder/dure-schemaN-NOW.sqlite3 (mode 0600; the newest kBackupsKept stay).
/// Errors: kUnsupported (the schema is newer than the last migration; the message says what to do).
Result<void> Migrate(Connection& connection, std::span<const Migration> migrations,
                     const std::string& backup_folder, int64_t now_ms);
inline constexpr size_t kBackupsKept = 3;

}  // namespace dure::store::sqlite
