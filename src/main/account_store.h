// The store as the commands for accounts and keys use it, with or without a server beside them.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "main/commands.h"
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

/// A limit of an account or key as it is stored; 0 on the command line: none.
std::optional<int64_t> LimitOrNone(int64_t value);

/// A subcommand with --data and --json, which land in Options::data and Options::json, and which
/// runs `run(*options)`.
template <typename Options, typename Run>
CLI::App* AddStoreCommand(CLI::App& command, CommandContext& context,
                          const std::shared_ptr<Options>& options, const char* name,
                          const char* text, Run run) {
  auto* sub = command.add_subcommand(name, text);
  sub->add_option("--data", options->data,
                  "The server's folder (default: " + store::DefaultDataFolder() + ")");
  sub->add_flag("--json", options->json, "Print JSON");
  sub->callback([&context, options, run] { context.outcome = run(*options); });
  return sub;
}

/// "2026-11-23 18:05" in UTC.
std::string TimeText(int64_t ms);

}  // namespace dure
