// The store as the commands for accounts and keys use it, with or without a server beside them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "store/data_folder.h"
#include "store/store.h"

namespace dure {

/// A store and, where no server runs, the folder that this process owns meanwhile.
struct AccountStore {
  std::unique_ptr<store::DataFolder> folder;  // null: a server owns it
  std::unique_ptr<store::Store> store;
};

/// Opens the store of `data` ("": the default folder). Where a server runs on it, both write to the
/// same database by SQLite's own locks, and the server sees the change within a second; its schema
/// must then be this program's. Errors: those of DataFolder and OpenSqliteStore.
Result<AccountStore> OpenAccountStore(const std::string& data);

/// Milliseconds since 1970 UTC.
int64_t NowMs();

/// The account of that name. Errors: kNotFound.
Result<store::Account> FindAccount(store::Store& store, const std::string& name);

/// "2026-11-23 18:05" in UTC.
std::string TimeText(int64_t ms);

}  // namespace dure
