// Every route of the server with every kind of caller. A route that is not in the table below fails
// the test: whoever adds one says here who may call it.
#include <map>
#include <regex>
#include <set>
#include <vector>

#include "tests/api/access_fixture.h"

namespace dure::api {
namespace {

const std::map<std::string, Rule> kRules = {
    {"GET /health", Rule::kOpen},
    {"GET /ready", Rule::kOpen},
    {"GET /openapi.json", Rule::kOpen},
    {"GET /docs", Rule::kOpen},
    {"GET /docs/{file}", Rule::kOpen},
    {"GET /api/app/info", Rule::kOpen},
    {"POST /api/login", Rule::kOpen},
    {"POST /api/logout", Rule::kOpen},
    {"POST /api/setup", Rule::kOpen},
    {"GET /api/me", Rule::kAccount},
    {"POST /api/me/password", Rule::kAccount},
    {"GET /api/sessions", Rule::kAccount},
    {"DELETE /api/sessions", Rule::kAccount},
    {"DELETE /api/sessions/{id}", Rule::kAccount},
    {"GET /api/keys", Rule::kAccount},
    {"POST /api/keys", Rule::kAccount},
    {"DELETE /api/keys/{id}", Rule::kAccount},
    {"GET /metrics", Rule::kMetrics},
    {"GET /api/usage", Rule::kUsage},
    {"GET /api/usage.csv", Rule::kUsage},
    {"GET /api/app/stats", Rule::kAdmin},
    {"GET /api/app/conversations", Rule::kAccount},
    {"POST /api/app/conversations", Rule::kAccount},
    {"DELETE /api/app/conversations", Rule::kAccount},
    {"POST /api/app/conversations/batch", Rule::kAccount},
    {"GET /api/app/conversations/{id}", Rule::kAccount},
    {"PATCH /api/app/conversations/{id}", Rule::kAccount},
    {"DELETE /api/app/conversations/{id}", Rule::kAccount},
    {"GET /api/app/conversations/{id}/messages", Rule::kAccount},
    {"POST /api/app/conversations/{id}/messages", Rule::kAccount},
    {"GET /api/app/messages/{id}", Rule::kAccount},
    {"DELETE /api/app/messages/{id}", Rule::kAccount},
    {"POST /api/app/messages/{id}/answers", Rule::kAccount},
    {"POST /api/app/messages/{id}/stop", Rule::kAccount},
    {"GET /api/app/messages/{id}/events", Rule::kAccount},
    {"GET /api/app/search", Rule::kAccount},
    {"GET /api/admin/users", Rule::kAdmin},
    {"POST /api/admin/users", Rule::kAdmin},
    {"PATCH /api/admin/users/{id}", Rule::kAdmin},
    {"DELETE /api/admin/users/{id}", Rule::kAdmin},
    {"GET /api/admin/keys", Rule::kAdmin},
    {"DELETE /api/admin/keys/{id}", Rule::kAdmin},
    {"GET /api/admin/usage", Rule::kAdmin},
    {"GET /api/admin/usage.csv", Rule::kAdmin},
    {"GET /v1/models", Rule::kInference},
    {"GET /v1/models/{id...}", Rule::kInference},
    {"POST /v1/chat/completions", Rule::kInference},
    {"POST /v1/completions", Rule::kInference},
    {"POST /v1/embeddings", Rule::kInference},
    {"POST /v1/tokenize", Rule::kInference},
    {"POST /v1/detokenize", Rule::kInference},
    {"POST /v1/apply-template", Rule::kInference},
    {"POST /v1/messages", Rule::kInference},
    {"POST /v1/messages/count_tokens", Rule::kInference},
    {"POST /v1/responses", Rule::kInference},
    {"GET /v1/responses/{id}", Rule::kInference},
    {"DELETE /v1/responses/{id}", Rule::kInference},
    {"POST /v1/responses/{id}/cancel", Rule::kInference},
    {"GET /v1/responses/{id}/input_items", Rule::kInference},
};

uint32_t ScopeFor(Rule rule) {
  switch (rule) {
    case Rule::kInference:
      return store::kScopeInference;
    case Rule::kUsage:
    case Rule::kMetrics:
      return store::kScopeUsage;
    case Rule::kAccount:
      return store::kScopeAccount;
    default:
      return store::kScopeAdmin;
  }
}

std::string PathOf(const std::string& pattern) {
  static const std::regex kParameter("\\{[^}]*\\}");
  return std::regex_replace(pattern, kParameter, "x");
}

class RouteRulesTest : public AccessFixture {
 protected:
  struct Expected {
    int status;        // 0: let in, whatever the handler says
    std::string code;  // with a status
  };

  void Check(const Routes::Entry& entry, const std::string& who, const std::string& fields,
             const Expected& expected, const std::string& body = "{}") {
    const std::string bytes = Bytes(entry.method, PathOf(entry.pattern), fields, body);
    const test::RawResponse response = Ask(bytes);
    const std::string what = entry.method + " " + entry.pattern + " as " + who;
    if (expected.status == 0) {
      EXPECT_TRUE(response.status != 401 && response.status != 403 && response.status != 0)
          << what << ": " << response.status << " " << response.body;
    } else {
      EXPECT_EQ(response.status, expected.status) << what << ": " << response.body;
      EXPECT_EQ(CodeOf(response), expected.code) << what;
    }
    // Prefixes may be shown, keys may not.
    static const std::regex kKey("dure-[0-9A-Za-z]{20}");
    EXPECT_FALSE(std::regex_search(response.body, kKey)) << what << " shows a key";
  }

  std::vector<Routes::Entry> Entries() { return MakeRoutes(service_).entries(); }
};

TEST_F(RouteRulesTest, EveryRouteHasARuleHere) {
  Start();
  std::set<std::string> seen;
  for (const Routes::Entry& entry : Entries()) {
    const std::string route = entry.method + " " + entry.pattern;
    EXPECT_TRUE(seen.insert(route).second) << route << " is there twice";
    if (entry.missing) {
      EXPECT_EQ(entry.rule, Rule::kInference) << route;
      continue;
    }
    const auto rule = kRules.find(route);
    ASSERT_NE(rule, kRules.end()) << route << " is new: say in this table who may call it";
    EXPECT_EQ(entry.rule, rule->second) << route;
  }
  for (const auto& [route, rule] : kRules) EXPECT_TRUE(seen.contains(route)) << route << " is gone";
}

TEST_F(RouteRulesTest, WhatIsMissingSaysSo) {
  Start();
  const std::string key = Bearer(AddKey(bob_, store::kScopeInference));
  int missing = 0;
  for (const Routes::Entry& entry : Entries()) {
    if (!entry.missing) continue;
    ++missing;
    const auto response = Ask(Bytes(entry.method, PathOf(entry.pattern), key, "{}"));
    EXPECT_EQ(response.status, 501) << entry.method << " " << entry.pattern;
    EXPECT_EQ(CodeOf(response), "not_implemented");
    EXPECT_EQ(response.headers.at("x-should-retry"), "false");
  }
  EXPECT_GT(missing, 50);
}

TEST_F(RouteRulesTest, NobodyAndTheWrongKeysAreKeptOut) {
  Start();
  const std::string revoked = AddKey(alice_, store::kAllScopes);
  ASSERT_TRUE(store_->keys().Revoke("", KeyId(revoked), now_ms_));
  const std::string expired = AddKey(alice_, store::kAllScopes, {}, now_ms_ - 1);
  const std::string carol = AddAccount("carol", store::Role::kMember);
  const std::string disabled = AddKey(carol, store::kAllScopes);
  const std::string disabled_session = AddSession(carol);
  store::AccountChange change;
  change.disabled = true;
  ASSERT_TRUE(store_->accounts().Change(carol, change, 1));
  const std::string good = AddKey(alice_, store::kAllScopes);
  for (const Routes::Entry& entry : Entries()) {
    if (entry.rule == Rule::kOpen) continue;
    Check(entry, "nobody", "", {401, "login_required"});
    for (const std::string& key : {std::string("dure-wrong"), revoked, expired, disabled}) {
      Check(entry, "Bearer " + key, Bearer(key), {401, "invalid_api_key"});
      Check(entry, "x-api-key " + key, ApiKeyField(key), {401, "invalid_api_key"});
    }
    Check(entry, "Basic", "Authorization: Basic YTpi\r\n", {401, "invalid_api_key"});
    Check(entry, "two keys", Bearer(good) + ApiKeyField(revoked), {401, "invalid_api_key"});
    Check(entry, "a wrong cookie", "Cookie: dure_session=wrong\r\n", {401, "login_required"});
    Check(entry, "a cookie of a disabled account", disabled_session, {401, "login_required"});
    Check(entry, "another site", Bearer(good) + "Origin: http://evil.example\r\n",
          {403, "forbidden"});
    if (entry.method == "POST") {
      Check(entry, "nobody, streaming", "", {401, "login_required"}, ChatBody(R"(,"stream":true)"));
      Check(entry, "revoked, streaming", Bearer(revoked), {401, "invalid_api_key"},
            ChatBody(R"(,"stream":true)"));
    }
  }
}

TEST_F(RouteRulesTest, ScopesAndRolesDecide) {
  Start();
  for (const Routes::Entry& entry : Entries()) {
    ++now_ms_;  // of too many sessions of an account the oldest end
    if (entry.rule == Rule::kOpen) {
      Check(entry, "nobody", "", {0, ""});
      continue;
    }
    const uint32_t needed = ScopeFor(entry.rule);
    const std::string without = AddKey(alice_, store::kAllScopes & ~needed);
    Check(entry, "a key without its scope", Bearer(without), {403, "permission_denied"});
    const std::string right = AddKey(alice_, needed);
    Check(entry, "an administrator's key", Bearer(right), {0, ""});
    Check(entry, "the same as x-api-key", ApiKeyField(right), {0, ""});
    Check(entry, "an administrator's session", AddSession(alice_), {0, ""});
    const Expected member = entry.rule == Rule::kAdmin || entry.rule == Rule::kMetrics
                                ? Expected{403, "permission_denied"}
                                : Expected{0, ""};
    Check(entry, "a member's key", Bearer(AddKey(bob_, store::kAllScopes)), member);
    Check(entry, "a member's session", AddSession(bob_), member);
  }
}

TEST_F(RouteRulesTest, WhatIsSomebodyElsesDoesNotExist) {
  Start();
  const std::string bobs_key = AddKey(bob_, store::kScopeInference);
  AddSession(bob_);
  const std::string bobs_session = store_->sessions().List(bob_, now_ms_)->front().id;
  const std::string alices = AddKey(alice_, store::kAllScopes);
  for (const std::string& path :
       {"/api/keys/" + KeyId(bobs_key), "/api/sessions/" + bobs_session}) {
    const auto response = Ask(Bytes("DELETE", path, Bearer(alices)));
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(CodeOf(response), "not_found") << path;
  }
  EXPECT_TRUE(*store_->keys().IsLive(KeyId(bobs_key), now_ms_));
  EXPECT_TRUE(*store_->sessions().IsLive(bobs_session, now_ms_));
  const auto keys = Ask(Bytes("GET", "/api/keys", Bearer(alices)));
  EXPECT_EQ(keys.body.find(KeyId(bobs_key)), std::string::npos);
  const auto usage = Ask(Bytes("GET", "/api/usage?account_id=" + bob_, Bearer(alices)));
  EXPECT_EQ(usage.status, 400) << "the filter is the administrators' route's";
}

TEST_F(RouteRulesTest, BeforeThereIsAnAdministratorOnlySetupWorks) {
  settings_.authentication.setup_token = "the-printed-token";
  Start(false);
  for (const Routes::Entry& entry : Entries()) {
    if (entry.rule == Rule::kOpen) continue;
    Check(entry, "nobody", "", {403, "setup_required"});
  }
  const auto setup = [&](const std::string& token) {
    return Ask(Bytes("POST", "/api/setup", "",
                     R"({"token":")" + token + R"(","name":"me","password":"long enough"})"));
  };
  EXPECT_EQ(setup("another").status, 403);
  const auto made = setup("the-printed-token");
  EXPECT_EQ(made.status, 200) << made.body;
  EXPECT_TRUE(made.headers.contains("set-cookie"));
  EXPECT_EQ(setup("the-printed-token").status, 409) << "once";
}

}  // namespace
}  // namespace dure::api
