// Signing in and out, the first administrator, one's own account and sessions (docs/api.md).
#include <optional>
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
using WriterPtr = std::shared_ptr<net::ResponseWriter>;

constexpr int64_t kDayMs = 86'400'000;

/// What is needed of a request after its handler has returned.
struct Browser {
  WriterPtr writer;
  bool secure;
  std::string address;
  std::string user_agent;

  void Send(net::Response response) const { writer->Send(std::move(response)); }
  void Send(const ApiError& error) const { writer->Send(ErrorResponse(error)); }
};

Browser BrowserOf(const Service& service, const Call& call) {
  return {call.writer, service.gate->authenticator().Secure(call.request), call.request.client,
          std::string(call.request.headers.Find("User-Agent").value_or(""))};
}

void SendSignedIn(const Service& service, const Browser& browser, const store::Account& account) {
  Gate& gate = *service.gate;
  const std::string token = store::NewSessionToken();
  const int64_t now = gate.now_ms();
  const int64_t days = gate.settings().authentication.session_days;
  const auto session =
      gate.store().sessions().Create({account.id, store::HashToken(token), now, now + days * kDayMs,
                                      browser.user_agent, browser.address});
  if (!session) return browser.Send(FromStoreError(session.error()));
  net::Response response = JsonResponse({{"account", AccountJson(account)}});
  response.headers.Add("Set-Cookie", gate.authenticator().SessionCookie(browser.secure, token));
  browser.Send(std::move(response));
}

// An account that does not exist costs as much time as one that does: nobody learns which do.
void SignIn(const Service& service, const Browser& browser,
            const std::optional<store::Account>& account, const std::string& password) {
  Gate& gate = *service.gate;
  std::string hash;
  if (account) {
    auto stored = gate.store().accounts().PasswordHash(account->id);
    if (!stored) return browser.Send(FromStoreError(stored.error()));
    hash = std::move(*stored);
  }
  if (hash.empty()) (void)store::HashPassword(password, gate.settings().password_cost);
  const bool right = !hash.empty() && store::VerifyPassword(hash, password);
  if (!right || account->disabled_ms) {
    return browser.Send(ApiError{"invalid_login", "name and password do not belong together", ""});
  }
  gate.throttle().Succeeded(account->id, browser.address);
  SendSignedIn(service, browser, *account);
}

bool Throttled(Gate& gate, const Browser& browser, const std::string& account_id) {
  const int wait = gate.throttle().Try(account_id, browser.address, gate.now_ms());
  if (wait == 0) return false;
  ApiError error{"too_many_attempts", "too many tries to sign in", ""};
  error.retry_after_seconds = wait;
  browser.Send(error);
  return true;
}

void Login(const Service& service, const Call& call) {
  JsonObject body(call.request.body);
  const std::string name = body.RequiredString("name");
  const std::string password = body.RequiredString("password");
  if (auto read = body.Finish(); !read) return call.Send(read.error());
  const Browser browser = BrowserOf(service, call);
  if (password.size() > store::kMostPasswordBytes) {
    return call.Send(ApiError{"invalid_login", "name and password do not belong together", ""});
  }
  auto account = service.gate->store().accounts().FindByName(name);
  if (!account) return call.Send(FromStoreError(account.error()));
  // By id, since a name can be written in many ways; by its hash where there is none, since it can
  // be long.
  const std::string who = *account ? (*account)->id : store::HashToken(name);
  if (Throttled(*service.gate, browser, who)) return;
  InBackground(service, call, [&service, browser, account = std::move(*account), password] {
    SignIn(service, browser, account, password);
  });
}

void Logout(const Service& service, const Call& call) {
  Gate& gate = *service.gate;
  if (!call.caller.session_id.empty()) {
    const auto removed =
        gate.store().sessions().Remove(call.caller.account_id, call.caller.session_id);
    if (!removed) return call.Send(FromStoreError(removed.error()));
  }
  net::Response response{204, {}, ""};
  response.headers.Add("Set-Cookie", gate.authenticator().SessionCookie(
                                         gate.authenticator().Secure(call.request), ""));
  call.Send(std::move(response));
}

void Setup(const Service& service, const Call& call) {
  JsonObject body(call.request.body);
  const std::string token = body.RequiredString("token");
  const std::string name = body.RequiredString("name");
  const std::string password = body.RequiredString("password");
  if (auto read = body.Finish(); !read) return call.Send(read.error());
  const Browser browser = BrowserOf(service, call);
  Gate& gate = *service.gate;
  if (!gate.authenticator().setup_pending()) {
    return call.Send(ApiError{"conflict", "this server has an administrator already", ""});
  }
  if (Throttled(gate, browser, "setup")) return;
  if (!gate.authenticator().IsSetupToken(token)) {
    return call.Send(
        ApiError{"permission_denied", "this is not the token that was printed", "token"});
  }
  if (auto right = CheckNewPassword(password); !right) return call.Send(right.error());
  InBackground(service, call, [&service, browser, name, password] {
    Gate& door = *service.gate;
    if (!door.authenticator().setup_pending()) {  // somebody was quicker
      return browser.Send(ApiError{"conflict", "this server has an administrator already", ""});
    }
    const auto hash = store::HashPassword(password, door.settings().password_cost);
    if (!hash) return browser.Send(FromStoreError(hash.error()));
    const auto account =
        door.store().accounts().Create({name, store::Role::kAdmin, *hash, {}, door.now_ms()});
    if (!account) return browser.Send(FromStoreError(account.error()));
    door.authenticator().Refresh();
    SendSignedIn(service, browser, *account);
  });
}

void Me(const Service& service, const Call& call) {
  const auto account = service.gate->store().accounts().Find(call.caller.account_id);
  if (!account) return call.Send(FromStoreError(account.error()));
  if (!*account) return call.Send(ApiError{"not_found", "there is no such account", ""});
  Json out = {{"account", AccountJson(**account)}, {"scopes", ScopeNames(call.caller.scopes)}};
  out["key_id"] = call.caller.key_id.empty() ? Json() : Json(call.caller.key_id);
  out["session_id"] = call.caller.session_id.empty() ? Json() : Json(call.caller.session_id);
  call.Send(JsonResponse(out));
}

// Ends all other sessions: whoever knew the old password is out.
void ChangePassword(const Service& service, const Browser& browser, const Caller& caller,
                    const std::string& old_password, const std::string& new_password) {
  Gate& gate = *service.gate;
  const auto hash = gate.store().accounts().PasswordHash(caller.account_id);
  if (!hash) return browser.Send(FromStoreError(hash.error()));
  if (hash->empty() || !store::VerifyPassword(*hash, old_password)) {
    return browser.Send(ApiError{"invalid_login", "the old password is another", "old_password"});
  }
  gate.throttle().Succeeded(caller.account_id, browser.address);
  auto renewed = store::HashPassword(new_password, gate.settings().password_cost);
  if (!renewed) return browser.Send(FromStoreError(renewed.error()));
  store::AccountChange change;
  change.password_hash = std::move(*renewed);
  const auto changed = gate.store().accounts().Change(caller.account_id, change, gate.now_ms());
  if (!changed) return browser.Send(FromStoreError(changed.error()));
  const auto ended = gate.store().sessions().RemoveOthers(caller.account_id, caller.session_id);
  if (!ended) return browser.Send(FromStoreError(ended.error()));
  browser.Send({204, {}, ""});
}

void Password(const Service& service, const Call& call) {
  JsonObject body(call.request.body);
  const std::string old_password = body.RequiredString("old_password");
  const std::string new_password = body.RequiredString("new_password");
  if (auto read = body.Finish(); !read) return call.Send(read.error());
  if (auto right = CheckNewPassword(new_password); !right) return call.Send(right.error());
  const Browser browser = BrowserOf(service, call);
  if (Throttled(*service.gate, browser, call.caller.account_id)) return;
  InBackground(service, call,
               [&service, browser, caller = call.caller, old_password, new_password] {
                 ChangePassword(service, browser, caller, old_password, new_password);
               });
}

void ListSessions(const Service& service, const Call& call) {
  Gate& gate = *service.gate;
  const auto sessions = gate.store().sessions().List(call.caller.account_id, gate.now_ms());
  if (!sessions) return call.Send(FromStoreError(sessions.error()));
  Json data = Json::array();
  for (const store::Session& session : *sessions) data.push_back(SessionJson(session, call.caller));
  call.Send(JsonResponse({{"data", std::move(data)}}));
}

void EndSession(const Service& service, const Call& call) {
  const auto removed =
      service.gate->store().sessions().Remove(call.caller.account_id, call.request.Parameter("id"));
  if (!removed) return call.Send(FromStoreError(removed.error()));
  if (!*removed) return call.Send(ApiError{"not_found", "there is no such session", ""});
  call.Send({204, {}, ""});
}

void EndOtherSessions(const Service& service, const Call& call) {
  const auto removed =
      service.gate->store().sessions().RemoveOthers(call.caller.account_id, call.caller.session_id);
  if (!removed) return call.Send(FromStoreError(removed.error()));
  call.Send({204, {}, ""});
}

}  // namespace

void AddAccountRoutes(Routes& routes) {
  routes.Add("POST", "/api/login", RunOn::kWorker, Rule::kOpen, Login);
  routes.Add("POST", "/api/logout", RunOn::kWorker, Rule::kOpen, Logout);
  routes.Add("POST", "/api/setup", RunOn::kWorker, Rule::kOpen, Setup);
  routes.Add("GET", "/api/me", RunOn::kWorker, Rule::kAccount, Me);
  routes.Add("POST", "/api/me/password", RunOn::kWorker, Rule::kAccount, Password);
  routes.Add("GET", "/api/sessions", RunOn::kWorker, Rule::kAccount, ListSessions);
  routes.Add("DELETE", "/api/sessions", RunOn::kWorker, Rule::kAccount, EndOtherSessions);
  routes.Add("DELETE", "/api/sessions/{id}", RunOn::kWorker, Rule::kAccount, EndSession);
  AddKeyRoutes(routes);
  AddUsageRoutes(routes);
}

}  // namespace dure::api
