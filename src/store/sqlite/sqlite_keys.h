// Private to store/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/keys.h"
#include "store/sqlite/database.h"

namespace dure::store::sqlite {

class SqliteKeys : public ApiKeys {
 public:
  explicit SqliteKeys(Database& database) : database_(database) {}

  Result<ApiKey> Create(const NewKey& key) override;
  Result<std::optional<KeyOwner>> FindByHash(std::string_view key_hash) override;
  Result<std::optional<ApiKey>> Find(std::string_view id) override;
  Result<bool> IsLive(std::string_view id, int64_t now_ms) override;
  Result<std::vector<ApiKey>> List(std::string_view account_id) override;
  Result<bool> Revoke(std::string_view account_id, std::string_view id, int64_t now_ms) override;
  void Touch(const ApiKey& key, int64_t now_ms) override;

 private:
  Database& database_;
};

}  // namespace dure::store::sqlite
