// Private to store/.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "store/sessions.h"
#include "store/sqlite/database.h"

namespace dure::store::sqlite {

class SqliteSessions : public Sessions {
 public:
  explicit SqliteSessions(Database& database) : database_(database) {}

  Result<Session> Create(const NewSession& session) override;
  Result<std::optional<SessionOwner>> FindByToken(std::string_view token_hash,
                                                  int64_t now_ms) override;
  Result<bool> IsLive(std::string_view id, int64_t now_ms) override;
  Result<std::vector<Session>> List(std::string_view account_id, int64_t now_ms) override;
  Result<bool> Remove(std::string_view account_id, std::string_view id) override;
  Result<void> RemoveOthers(std::string_view account_id, std::string_view kept_id) override;
  Result<void> RemoveExpired(int64_t now_ms) override;
  void Touch(const Session& session, int64_t now_ms) override;

 private:
  Database& database_;
};

}  // namespace dure::store::sqlite
