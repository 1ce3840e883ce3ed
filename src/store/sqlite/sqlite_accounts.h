// Private to store/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/accounts.h"
#include "store/sqlite/database.h"

namespace dure::store::sqlite {

class SqliteAccounts : public Accounts {
 public:
  explicit SqliteAccounts(Database& database) : database_(database) {}

  Result<Account> Create(const NewAccount& account) override;
  Result<std::optional<Account>> Find(std::string_view id) override;
  Result<std::optional<Account>> FindByName(std::string_view name) override;
  Result<std::vector<Account>> List() override;
  Result<bool> HasAdmin() override;
  Result<std::string> PasswordHash(std::string_view id) override;
  Result<Account> Change(std::string_view id, const AccountChange& change, int64_t now_ms) override;
  Result<void> Remove(std::string_view id) override;

 private:
  Database& database_;
};

}  // namespace dure::store::sqlite
