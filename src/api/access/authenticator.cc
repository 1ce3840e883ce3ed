#include "api/access/authenticator.h"

#include <utility>

#include "net/cookies.h"
#include "store/secrets.h"

namespace dure::api {

namespace {

constexpr int64_t kSecondsOfDay = 86'400;

// The prefix makes browsers refuse the cookie from anybody but this very host over https.
const char* CookieName(bool secure) { return secure ? "__Host-dure" : "dure_session"; }

Caller Owner() {
  Caller caller;
  caller.account_id = store::kOwnerId;
  caller.account_name = "owner";
  caller.role = store::Role::kAdmin;
  caller.scopes = store::kAllScopes;
  return caller;
}

Caller Of(const store::Account& account) {
  Caller caller;
  caller.account_id = account.id;
  caller.account_name = account.name;
  caller.role = account.role;
  caller.account_limits = account.limits;
  return caller;
}

tl::unexpected<ApiError> InvalidKey(const std::string& why) {
  return Refuse("invalid_api_key", why, "");
}

/// The key that a request shows; "" when it shows none.
ApiResult<std::string> KeyOf(const net::Request& request) {
  std::string bearer;
  if (request.headers.Count("Authorization") > 1 || request.headers.Count("x-api-key") > 1) {
    return InvalidKey("the request has more than one key");
  }
  if (const auto field = request.headers.Find("Authorization")) {
    constexpr std::string_view kBearer = "Bearer ";
    if (field->size() <= kBearer.size() ||
        !net::EqualsIgnoreCase(field->substr(0, kBearer.size()), kBearer)) {
      return InvalidKey("the Authorization field must be 'Bearer' and a key");
    }
    const size_t begin = field->find_first_not_of(' ', kBearer.size());
    if (begin != field->npos) bearer = std::string(field->substr(begin));
  }
  const std::string direct(request.headers.Find("x-api-key").value_or(""));
  if (!bearer.empty() && !direct.empty() && bearer != direct) {
    return InvalidKey("Authorization and x-api-key hold different keys");
  }
  return bearer.empty() ? direct : bearer;
}

uint32_t ScopeFor(Rule rule) {
  switch (rule) {
    case Rule::kOpen:
      return 0;
    case Rule::kInference:
      return store::kScopeInference;
    case Rule::kUsage:
    case Rule::kMetrics:
      return store::kScopeUsage;
    case Rule::kAccount:
      return store::kScopeAccount;
    case Rule::kAdmin:
      return store::kScopeAdmin;
  }
  return store::kScopeAdmin;
}

}  // namespace

Authenticator::Authenticator(AuthenticatorSettings settings, store::Store& store,
                             std::function<int64_t()> now_ms)
    : settings_(std::move(settings)), store_(store), now_ms_(std::move(now_ms)) {
  Refresh();
}

void Authenticator::Refresh() {
  // An administrator, once there, stays (the store refuses to lose the last one): a failure to ask
  // must not open the server.
  const auto has = store_.accounts().HasAdmin();
  if (has && *has) has_admin_ = true;
}

ApiResult<Caller> Authenticator::Identify(const net::Request& request) {
  if (!login_required()) return Owner();
  auto key = KeyOf(request);
  if (!key) return tl::unexpected(key.error());
  if (!key->empty()) return ByKey(*key);
  const auto token = net::FindCookie(request.headers, CookieName(Secure(request)));
  if (token && !token->empty()) return BySession(*token);
  return Caller();
}

ApiResult<Caller> Authenticator::ByKey(std::string_view key) {
  const int64_t now = now_ms_();
  const auto found = store_.keys().FindByHash(store::HashToken(key));
  if (!found) return tl::unexpected(FromStoreError(found.error()));
  if (!*found) return InvalidKey("this API key is not known here");
  const store::ApiKey& row = (*found)->key;
  if (row.revoked_ms) return InvalidKey("this API key was revoked");
  if (row.expires_ms && *row.expires_ms <= now) return InvalidKey("this API key has expired");
  if ((*found)->account.disabled_ms) return InvalidKey("the account of this API key is disabled");
  store_.keys().Touch(row, now);
  Caller caller = Of((*found)->account);
  caller.key_id = row.id;
  caller.scopes = row.scopes;
  caller.expires_ms = row.expires_ms;
  caller.key_limits = row.limits;
  return caller;
}

ApiResult<Caller> Authenticator::BySession(std::string_view token) {
  const int64_t now = now_ms_();
  const auto found = store_.sessions().FindByToken(store::HashToken(token), now);
  if (!found) return tl::unexpected(FromStoreError(found.error()));
  if (!*found) return Refuse("login_required", "the session has ended: sign in again", "");
  store_.sessions().Touch((*found)->session, now);
  Caller caller = Of((*found)->account);
  caller.session_id = (*found)->session.id;
  caller.scopes = store::kAllScopes;
  caller.expires_ms = (*found)->session.expires_ms;
  return caller;
}

ApiResult<void> Authenticator::Check(const Caller& caller, Rule rule) const {
  if (rule == Rule::kOpen) return {};
  if (!caller.known()) {
    if (setup_pending()) {
      return Refuse("setup_required", "this server has no administrator yet", "");
    }
    return Refuse("login_required", "sign in, or send an API key as 'Authorization: Bearer KEY'",
                  "");
  }
  const uint32_t needed = ScopeFor(rule);
  if ((caller.scopes & needed) == 0) {
    return Refuse("permission_denied",
                  "this API key lacks the scope '" + ScopeNames(needed).front() + "'", "");
  }
  if ((rule == Rule::kAdmin || rule == Rule::kMetrics) && !caller.is_admin()) {
    return Refuse("permission_denied", "only administrators may do this", "");
  }
  return {};
}

std::optional<ApiError> Authenticator::WhyEnded(const Caller& caller) {
  const int64_t now = now_ms_();
  if (!caller.key_id.empty()) {
    const auto live = store_.keys().IsLive(caller.key_id, now);
    if (live && !*live) {
      return ApiError{"invalid_api_key", "this API key was revoked or has expired meanwhile", ""};
    }
  }
  if (!caller.session_id.empty()) {
    const auto live = store_.sessions().IsLive(caller.session_id, now);
    if (live && !*live) return ApiError{"login_required", "the session has ended meanwhile", ""};
  }
  return std::nullopt;
}

bool Authenticator::IsSetupToken(std::string_view token) const {
  return setup_pending() && !settings_.setup_token.empty() &&
         store::SameSecret(token, settings_.setup_token);
}

bool Authenticator::Secure(const net::Request& request) const {
  return settings_.public_https || request.secure;
}

std::string Authenticator::SessionCookie(bool secure, std::string_view token) const {
  return net::SetCookie(CookieName(secure), token,
                        token.empty() ? 0 : settings_.session_days * kSecondsOfDay, secure);
}

ApiError FromStoreError(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
      return {"invalid_value", error.message, ""};
    case ErrorCode::kNotFound:
      return {"not_found", error.message, ""};
    case ErrorCode::kConflict:
      return {"conflict", error.message, ""};
    default:
      return {"storage_unavailable", "the server cannot read or write its data now", ""};
  }
}

}  // namespace dure::api
