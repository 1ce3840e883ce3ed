// From a request's key or cookie to its caller.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "api/access/caller.h"
#include "api/error_table.h"
#include "net/http.h"
#include "store/store.h"

namespace dure::api {

struct AuthenticatorSettings {
  bool require_login = false;  // also where there are no accounts yet
  std::string setup_token;     // lets its holder make the first administrator; "": nobody
  bool public_https = false;   // browsers reach this server by https, whatever it sees itself
  int64_t session_days = 30;
};

/// Thread-safe. Looks keys and sessions up in the store each time: what was revoked is refused at
/// the next request.
class Authenticator {
 public:
  Authenticator(AuthenticatorSettings settings, store::Store& store,
                std::function<int64_t()> now_ms);

  /// Whether callers must show who they are: asked for, or accounts exist.
  bool login_required() const { return settings_.require_login || has_admin_; }
  /// No administrator yet, and the server waits for one.
  bool setup_pending() const { return settings_.require_login && !has_admin_; }
  /// Asks the store again whether an administrator exists.
  void Refresh();

  /// Without login_required: the owner. Otherwise who the key (Authorization: Bearer, x-api-key) or
  /// the session cookie says; nobody when there is neither. Errors: invalid_api_key, login_required
  /// (the session has ended), storage_unavailable.
  ApiResult<Caller> Identify(const net::Request& request);
  /// Errors: login_required, permission_denied, setup_required.
  ApiResult<void> Check(const Caller& caller, Rule rule) const;
  /// Why a caller that was let in may not go on, or nothing.
  std::optional<ApiError> WhyEnded(const Caller& caller);

  const AuthenticatorSettings& settings() const { return settings_; }
  bool IsSetupToken(std::string_view token) const;

  /// Whether the browser that sent this speaks https.
  bool Secure(const net::Request& request) const;
  /// The session cookie: "__Host-dure" where browsers use https. An empty token removes it.
  std::string SessionCookie(bool secure, std::string_view token) const;

 private:
  ApiResult<Caller> ByKey(std::string_view key);
  ApiResult<Caller> BySession(std::string_view token);

  const AuthenticatorSettings settings_;
  store::Store& store_;
  const std::function<int64_t()> now_ms_;
  std::atomic<bool> has_admin_{false};
};

/// What the store's failure is to a client: no details of the server's disk.
ApiError FromStoreError(const Error& error);

}  // namespace dure::api
