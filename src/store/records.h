// What the store keeps, as plain values. Times are milliseconds since 1970 UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dure::store {

enum class Role { kMember, kAdmin };

/// Who uses a server that has no accounts yet. The first administrator takes this account over.
inline constexpr char kOwnerId[] = "owner";

/// What an account or a key may use. Absent: the server's default; 0: no limit.
struct Limits {
  std::optional<int64_t> requests_per_minute;
  std::optional<int64_t> tokens_per_minute;
  std::optional<int64_t> parallel_requests;
  std::optional<int64_t> tokens_per_day;           // days begin at midnight UTC
  std::optional<std::vector<std::string>> models;  // ids that may be used; absent: all

  bool operator==(const Limits&) const = default;
};

struct Account {
  std::string id;
  std::string name;
  Role role = Role::kMember;
  bool has_password = false;
  int64_t created_ms = 0;
  std::optional<int64_t> disabled_ms;
  Limits limits;
};

struct Session {
  std::string id;
  std::string account_id;
  int64_t created_ms = 0;
  int64_t expires_ms = 0;
  int64_t last_used_ms = 0;
  std::string user_agent;
  std::string address;
};

/// What a key may be used for: bits.
enum Scope : uint32_t {
  kScopeInference = 1 << 0,  // everything under /v1
  kScopeUsage = 1 << 1,      // reading its account's usage
  kScopeAccount = 1 << 2,    // its account's keys, sessions and password
  kScopeAdmin = 1 << 3,      // what administrators may, where its account is one
};
inline constexpr uint32_t kAllScopes = kScopeInference | kScopeUsage | kScopeAccount | kScopeAdmin;

struct ApiKey {
  std::string id;
  std::string account_id;
  std::string name;
  std::string prefix;  // the key's first characters
  uint32_t scopes = 0;
  int64_t created_ms = 0;
  std::optional<int64_t> expires_ms;
  std::optional<int64_t> revoked_ms;
  std::optional<int64_t> last_used_ms;  // to the minute
  Limits limits;
};

/// One request that asked a model for something.
struct UsageRow {
  int64_t id = 0;  // given by the store, ascending
  int64_t at_ms = 0;
  std::string account_id;
  std::string key_id;  // "": none
  std::string route;   // "POST /v1/chat/completions"
  std::string model;   // "": the request did not get as far
  int status = 200;
  std::string error;  // the error's code; "": none
  bool stream = false;
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;
  int64_t completion_tokens = 0;
  int64_t duration_ms = 0;
};

}  // namespace dure::store
