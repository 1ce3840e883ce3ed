// Private to store/.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/providers.h"
#include "store/secret_box.h"
#include "store/sqlite/database.h"

namespace dure::store::sqlite {

class SqliteProviders : public Providers {
 public:
  SqliteProviders(Database& database, std::string folder)
      : database_(database), box_(std::move(folder)) {}

  Result<StoredProvider> Create(const ProviderSetup& setup, std::string_view key,
                                int64_t now_ms) override;
  Result<std::optional<StoredProvider>> Find(std::string_view id) override;
  Result<std::vector<StoredProvider>> List() override;
  Result<StoredProvider> Change(std::string_view id, const ProviderSetup& setup,
                                const std::optional<std::string>& key, int64_t now_ms) override;
  Result<bool> Remove(std::string_view id) override;
  Result<std::string> Key(std::string_view id) override;

 private:
  Database& database_;
  SecretBox box_;
};

}  // namespace dure::store::sqlite
