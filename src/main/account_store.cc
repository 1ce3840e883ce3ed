#include "main/account_store.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <utility>

namespace dure {

Result<AccountStore> OpenAccountStore(const std::string& data) {
  const std::string path = data.empty() ? store::DefaultDataFolder() : data;
  AccountStore opened;
  auto folder = store::DataFolder::Open(path);
  const bool server_runs = !folder && folder.error().code == ErrorCode::kUnavailable;
  if (!folder && !server_runs) return tl::unexpected(folder.error());
  if (folder) opened.folder = std::move(*folder);
  store::StoreOptions options;
  options.folder = path;
  options.migrate = !server_runs;
  options.now_ms = NowMs();
  options.log = [](const std::string& line) { std::cerr << "dure: " + line + "\n"; };
  auto store = store::OpenSqliteStore(options);
  if (!store) return tl::unexpected(store.error());
  opened.store = std::move(*store);
  return opened;
}

int64_t NowMs() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::optional<int64_t> LimitOrNone(int64_t value) {
  return value > 0 ? std::optional(value) : std::nullopt;
}

Result<store::Account> FindAccount(store::Store& store, const std::string& name) {
  auto found = store.accounts().FindByName(name);
  if (!found) return tl::unexpected(found.error());
  if (!*found || !(*found)->has_password) {
    return Fail(ErrorCode::kNotFound, "there is no account '" + name + "'");
  }
  return std::move(**found);
}

std::string TimeText(int64_t ms) {
  const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02d %02d:%02d", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min);
  return text.data();
}

}  // namespace dure
