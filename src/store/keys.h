// API keys. Only their hashes are kept: a key of 256 random bits needs no slow hash.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "store/records.h"

namespace dure::store {

struct NewKey {
  std::string account_id;
  std::string name;
  std::string key_hash;  // HashToken's
  std::string prefix;
  uint32_t scopes = kScopeInference;
  std::optional<int64_t> expires_ms;
  Limits limits;
  int64_t now_ms = 0;
};

struct KeyOwner {
  ApiKey key;
  Account account;
};

/// Thread-safe; see Accounts.
class ApiKeys {
 public:
  virtual ~ApiKeys() = default;

  /// Errors: kInvalidArgument (name empty, above 128 bytes or no UTF-8), kNotFound (account),
  /// kResourceExhausted (the account has kMostKeys that are not revoked).
  virtual Result<ApiKey> Create(const NewKey& key) = 0;
  static constexpr int kMostKeys = 1000;
  /// Also those that are revoked, expired or whose account is disabled: the caller says which.
  virtual Result<std::optional<KeyOwner>> FindByHash(std::string_view key_hash) = 0;
  virtual Result<std::optional<ApiKey>> Find(std::string_view id) = 0;
  /// Whether it may be used now: neither revoked nor expired, its account not disabled.
  virtual Result<bool> IsLive(std::string_view id, int64_t now_ms) = 0;
  /// Oldest first; "" lists every account's.
  virtual Result<std::vector<ApiKey>> List(std::string_view account_id) = 0;
  /// False when there is no such key of that account ("": of any). Revoking twice is harmless.
  virtual Result<bool> Revoke(std::string_view account_id, std::string_view id, int64_t now_ms) = 0;
  /// Written within a minute, without waiting for it.
  virtual void Touch(const ApiKey& key, int64_t now_ms) = 0;
};

}  // namespace dure::store
