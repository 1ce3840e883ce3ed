#include "api/account/records_json.h"

namespace dure::api {

namespace {

constexpr int64_t kMostLimit = 1'000'000'000'000;
constexpr size_t kMostModels = 256;

Json Seconds(int64_t ms) { return ms / 1000; }
Json Seconds(const std::optional<int64_t>& ms) { return ms ? Json(*ms / 1000) : Json(); }
Json Number(const std::optional<int64_t>& value) { return value ? Json(*value) : Json(); }

}  // namespace

Json LimitsJson(const store::Limits& limits) {
  return {{"requests_per_minute", Number(limits.requests_per_minute)},
          {"tokens_per_minute", Number(limits.tokens_per_minute)},
          {"parallel_requests", Number(limits.parallel_requests)},
          {"tokens_per_day", Number(limits.tokens_per_day)},
          {"models", limits.models ? Json(*limits.models) : Json()}};
}

Json AccountJson(const store::Account& account) {
  return {{"id", account.id},
          {"name", account.name},
          {"role", account.role == store::Role::kAdmin ? "admin" : "member"},
          {"created_at", Seconds(account.created_ms)},
          {"disabled_at", Seconds(account.disabled_ms)},
          {"limits", LimitsJson(account.limits)}};
}

Json KeyJson(const store::ApiKey& key) {
  return {{"id", key.id},
          {"account_id", key.account_id},
          {"name", key.name},
          {"prefix", key.prefix},
          {"scopes", ScopeNames(key.scopes)},
          {"created_at", Seconds(key.created_ms)},
          {"expires_at", Seconds(key.expires_ms)},
          {"revoked_at", Seconds(key.revoked_ms)},
          {"last_used_at", Seconds(key.last_used_ms)},
          {"limits", LimitsJson(key.limits)}};
}

Json SessionJson(const store::Session& session, const Caller& caller) {
  return {{"id", session.id},
          {"current", session.id == caller.session_id},
          {"created_at", Seconds(session.created_ms)},
          {"expires_at", Seconds(session.expires_ms)},
          {"last_used_at", Seconds(session.last_used_ms)},
          {"user_agent", session.user_agent},
          {"address", session.address}};
}

Json UsageSumJson(const store::UsageSum& sum) {
  return {{"requests", sum.requests},
          {"errors", sum.errors},
          {"prompt_tokens", sum.prompt_tokens},
          {"cached_tokens", sum.cached_tokens},
          {"completion_tokens", sum.completion_tokens},
          {"total_tokens", sum.prompt_tokens + sum.completion_tokens}};
}

std::optional<store::Limits> ReadLimits(JsonObject& body) {
  const auto object = body.Object("limits");
  if (!object) return std::nullopt;
  JsonObject members(*object, "limits");
  store::Limits limits;
  limits.requests_per_minute = members.Integer("requests_per_minute", 0, kMostLimit);
  limits.tokens_per_minute = members.Integer("tokens_per_minute", 0, kMostLimit);
  limits.parallel_requests = members.Integer("parallel_requests", 0, kMostLimit);
  limits.tokens_per_day = members.Integer("tokens_per_day", 0, kMostLimit);
  limits.models = members.Strings("models", kMostModels);
  if (auto read = members.Finish(); !read) body.Fail(read.error());
  return limits;
}

}  // namespace dure::api
