// Who a request is from, and what that allows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/records.h"

namespace dure::api {

/// What a route asks of whoever calls it. Every route names one (api/access/routes.h).
enum class Rule {
  kOpen,       // anybody
  kInference,  // a session, or a key with the scope `inference`
  kUsage,      // ... `usage`
  kMetrics,    // likewise, of an administrator
  kAccount,    // ... `account`
  kAdmin,      // an administrator's session, or an administrator's key with the scope `admin`
};

struct Caller {
  std::string account_id;  // "": nobody we know (routes that are open)
  std::string account_name;
  store::Role role = store::Role::kMember;
  std::string key_id;      // "": not by key
  std::string session_id;  // "": not by session
  uint32_t scopes = 0;
  std::optional<int64_t> expires_ms;  // when the key or the session ends by itself
  store::Limits account_limits;
  store::Limits key_limits;

  bool known() const { return !account_id.empty(); }
  bool is_admin() const { return role == store::Role::kAdmin; }
  /// Whether account and key allow this model.
  bool MayUse(std::string_view model) const;
};

/// "inference usage": the names of a key's scopes.
std::vector<std::string> ScopeNames(uint32_t scopes);
/// 0 for an unknown name.
uint32_t ScopeOf(std::string_view name);

}  // namespace dure::api
