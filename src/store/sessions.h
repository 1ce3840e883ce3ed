// Sessions: browsers that are signed in. Only hashes of their tokens are kept.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "store/records.h"

namespace dure::store {

struct NewSession {
  std::string account_id;
  std::string token_hash;  // HashToken's
  int64_t now_ms = 0;
  int64_t expires_ms = 0;
  std::string user_agent;  // the first 256 bytes are kept
  std::string address;
};

struct SessionOwner {
  Session session;
  Account account;
};

/// Thread-safe; see Accounts.
class Sessions {
 public:
  virtual ~Sessions() = default;

  /// Of more than kMostSessions of one account the oldest end. Errors: kNotFound (account).
  virtual Result<Session> Create(const NewSession& session) = 0;
  static constexpr int kMostSessions = 100;
  /// Nothing when there is none, it has expired, or its account is disabled.
  virtual Result<std::optional<SessionOwner>> FindByToken(std::string_view token_hash,
                                                          int64_t now_ms) = 0;
  virtual Result<bool> IsLive(std::string_view id, int64_t now_ms) = 0;
  /// Newest first.
  virtual Result<std::vector<Session>> List(std::string_view account_id, int64_t now_ms) = 0;
  /// False when the account has no such session.
  virtual Result<bool> Remove(std::string_view account_id, std::string_view id) = 0;
  /// All of the account's but one; "" spares none.
  virtual Result<void> RemoveOthers(std::string_view account_id, std::string_view kept_id) = 0;
  virtual Result<void> RemoveExpired(int64_t now_ms) = 0;
  /// Written within a minute, without waiting for it.
  virtual void Touch(const Session& session, int64_t now_ms) = 0;
};

}  // namespace dure::store
