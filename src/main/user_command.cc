// `dure user`: accounts, on the command line of whoever owns the data folder.
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "api/account/records_json.h"
#include "main/account_store.h"
#include "main/commands.h"
#include "main/json_io.h"
#include "store/secrets.h"

namespace dure {
namespace {

constexpr size_t kMostPasswordLine = 4096;

struct UserOptions {
  std::string data;
  std::string name;
  bool admin = false;
  bool password_stdin = false;
  bool json = false;
};

// The first line of standard input. Not an argument: those are there for every user of the machine
// to see.
Result<std::string> ReadPassword(const UserOptions& options) {
  if (!options.password_stdin) {
    return Fail(ErrorCode::kInvalidArgument,
                "give --password-stdin and the password on standard input");
  }
  std::string line;
  for (char c = 0; std::cin.get(c) && c != '\n' && line.size() <= kMostPasswordLine;) line += c;
  if (line.ends_with('\r')) line.pop_back();
  if (auto checked = store::CheckPassword(line); !checked) return tl::unexpected(checked.error());
  return line;
}

void Print(const UserOptions& options, const store::Account& account, const char* done) {
  if (options.json) return PrintJson(api::AccountJson(account));
  std::cout << done << " '" << account.name << "'"
            << (account.role == store::Role::kAdmin ? ", an administrator" : "") << "\n";
}

Result<void> Add(const UserOptions& options) {
  const auto password = ReadPassword(options);
  if (!password) return tl::unexpected(password.error());
  auto opened = OpenAccountStore(options.data);
  if (!opened) return tl::unexpected(opened.error());
  const auto hash = store::HashPassword(*password);
  if (!hash) return tl::unexpected(hash.error());
  const auto role = options.admin ? store::Role::kAdmin : store::Role::kMember;
  const auto account = opened->store->accounts().Create({options.name, role, *hash, {}, NowMs()});
  if (!account) return tl::unexpected(account.error());
  Print(options, *account, "added");
  return {};
}

Result<void> List(const UserOptions& options) {
  auto opened = OpenAccountStore(options.data);
  if (!opened) return tl::unexpected(opened.error());
  const auto accounts = opened->store->accounts().List();
  if (!accounts) return tl::unexpected(accounts.error());
  Json all = Json::array();
  for (const store::Account& account : *accounts) {
    if (options.json) {
      all.push_back(api::AccountJson(account));
      continue;
    }
    std::cout << account.name << "  " << account.id << "  "
              << (account.role == store::Role::kAdmin ? "admin" : "member") << "  since "
              << TimeText(account.created_ms) << (account.disabled_ms ? "  disabled" : "") << "\n";
  }
  if (options.json) PrintJson(all);
  return {};
}

Result<void> Remove(const UserOptions& options) {
  auto opened = OpenAccountStore(options.data);
  if (!opened) return tl::unexpected(opened.error());
  const auto account = FindAccount(*opened->store, options.name);
  if (!account) return tl::unexpected(account.error());
  if (auto removed = opened->store->accounts().Remove(account->id); !removed) return removed;
  Print(options, *account, "removed");
  return {};
}

Result<void> Password(const UserOptions& options) {
  const auto password = ReadPassword(options);
  if (!password) return tl::unexpected(password.error());
  auto opened = OpenAccountStore(options.data);
  if (!opened) return tl::unexpected(opened.error());
  const auto account = FindAccount(*opened->store, options.name);
  if (!account) return tl::unexpected(account.error());
  auto hash = store::HashPassword(*password);
  if (!hash) return tl::unexpected(hash.error());
  store::AccountChange change;
  change.password_hash = std::move(*hash);
  const auto changed = opened->store->accounts().Change(account->id, change, NowMs());
  if (!changed) return tl::unexpected(changed.error());
  // Whoever knew the old password is out.
  if (auto ended = opened->store->sessions().RemoveOthers(account->id, ""); !ended) return ended;
  Print(options, *changed, "new password for");
  return {};
}

}  // namespace

void RegisterUser(CLI::App& app, CommandContext& context) {
  auto* command = app.add_subcommand("user", "Accounts: add, list, remove, change a password");
  command->group(kServerGroup);
  command->require_subcommand(1);
  command->footer(
      "Works beside a running server, which sees the change within a second.\n"
      "Example:\n"
      "  echo 'a good password' | dure user add kim --admin --password-stdin");
  auto options = std::make_shared<UserOptions>();
  const auto add = [&](const char* name, const char* text, auto run) {
    return AddStoreCommand(*command, context, options, name, text, run);
  };
  auto* adding =
      add("add", "Make an account; the first administrator owns what was there before", Add);
  adding->add_option("name", options->name, "Its name")->required();
  adding->add_flag("--admin", options->admin, "It may manage accounts");
  adding->add_flag("--password-stdin", options->password_stdin,
                   "Read the password from standard input");
  add("list", "Show all accounts", List);
  add("remove", "Delete an account with its keys and sessions", Remove)
      ->add_option("name", options->name, "Its name")
      ->required();
  auto* changing =
      add("password", "Give an account another password and end its sessions", Password);
  changing->add_option("name", options->name, "Its name")->required();
  changing->add_flag("--password-stdin", options->password_stdin,
                     "Read the password from standard input");
}

}  // namespace dure
