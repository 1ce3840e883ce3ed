// One's own API keys (docs/api.md).
#include <string>
#include <utility>

#include "api/account/records_json.h"
#include "api/account/route_parts.h"
#include "api/json_object.h"
#include "api/service.h"
#include "store/secrets.h"

namespace dure::api {

namespace {

using net::RunOn;

constexpr int64_t kMostSeconds = 253'402'300'799;  // the end of the year 9999
constexpr size_t kMostScopes = 16;

// A key cannot make another that may do more than itself.
uint32_t ReadScopes(JsonObject& body, const Caller& caller) {
  const auto names = body.Strings("scopes", kMostScopes);
  if (!names) return store::kScopeInference;
  uint32_t scopes = 0;
  for (const std::string& name : *names) {
    const uint32_t scope = ScopeOf(name);
    if (scope == 0) {
      body.Fail(
          {"invalid_value", "'scopes' may hold inference, usage, account and admin", "scopes"});
    } else if ((caller.scopes & scope) == 0 ||
               (scope == store::kScopeAdmin && !caller.is_admin())) {
      body.Fail({"permission_denied", "you lack the scope '" + name + "' yourself", "scopes"});
    }
    scopes |= scope;
  }
  if (scopes == 0) body.Fail({"invalid_value", "a key needs at least one scope", "scopes"});
  return scopes;
}

void CreateKey(const Service& service, const Call& call) {
  Gate& gate = *service.gate;
  const int64_t now = gate.now_ms();
  JsonObject body(call.request.body);
  store::NewKey wanted;
  wanted.account_id = call.caller.account_id;
  wanted.name = body.RequiredString("name");
  wanted.scopes = ReadScopes(body, call.caller);
  wanted.limits = ReadLimits(body).value_or(store::Limits());
  if (const auto expires = body.Integer("expires_at", now / 1000 + 1, kMostSeconds)) {
    wanted.expires_ms = *expires * 1000;
  }
  wanted.now_ms = now;
  if (auto read = body.Finish(); !read) return call.Send(read.error());
  const std::string secret = store::NewApiKey();
  wanted.key_hash = store::HashToken(secret);
  wanted.prefix = store::KeyPrefix(secret);
  const auto key = gate.store().keys().Create(wanted);
  if (!key && key.error().code == ErrorCode::kResourceExhausted) {
    return call.Send(ApiError{"conflict", "an account can have 1000 keys: revoke one first", ""});
  }
  if (!key) {
    ApiError error = FromStoreError(key.error());
    if (error.code == "invalid_value") error.param = "name";
    return call.Send(error);
  }
  Json out = KeyJson(*key);
  out["key"] = secret;
  net::Response response = JsonResponse(out);
  response.status = 201;
  call.Send(std::move(response));
}

void ListKeys(const Service& service, const Call& call) {
  const auto keys = service.gate->store().keys().List(call.caller.account_id);
  if (!keys) return call.Send(FromStoreError(keys.error()));
  Json data = Json::array();
  for (const store::ApiKey& key : *keys) data.push_back(KeyJson(key));
  call.Send(JsonResponse({{"data", std::move(data)}}));
}

void RevokeKey(const Service& service, const Call& call) {
  Gate& gate = *service.gate;
  const auto revoked = gate.store().keys().Revoke(call.caller.account_id,
                                                  call.request.Parameter("id"), gate.now_ms());
  if (!revoked) return call.Send(FromStoreError(revoked.error()));
  if (!*revoked) return call.Send(ApiError{"not_found", "there is no such key", ""});
  call.Send({204, {}, ""});
}

}  // namespace

void AddKeyRoutes(Routes& routes) {
  routes.Add("GET", "/api/keys", RunOn::kWorker, Rule::kAccount, ListKeys);
  routes.Add("POST", "/api/keys", RunOn::kWorker, Rule::kAccount, CreateKey);
  routes.Add("DELETE", "/api/keys/{id}", RunOn::kWorker, Rule::kAccount, RevokeKey);
}

}  // namespace dure::api
