// What administrators may: accounts, everybody's keys (never the keys themselves) and usage.
// Nothing here shows what anybody has written.
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

void SendAccount(const WriterPtr& writer, const Result<store::Account>& account, int status) {
  if (!account) {
    ApiError error = FromStoreError(account.error());
    if (error.code == "invalid_value") error.param = "name";
    return writer->Send(ErrorResponse(error));
  }
  net::Response response = JsonResponse(AccountJson(*account));
  response.status = status;
  writer->Send(std::move(response));
}

std::optional<store::Role> ReadRole(JsonObject& body) {
  const auto name = body.String("role");
  if (!name) return std::nullopt;
  if (*name == "admin") return store::Role::kAdmin;
  if (*name != "member") body.Fail({"invalid_value", "'role' must be admin or member", "role"});
  return store::Role::kMember;
}

void ListUsers(const Service& service, const Call& call) {
  const auto accounts = service.gate->store().accounts().List();
  if (!accounts) return call.Send(FromStoreError(accounts.error()));
  Json data = Json::array();
  for (const store::Account& account : *accounts) data.push_back(AccountJson(account));
  call.Send(JsonResponse({{"data", std::move(data)}}));
}

void AddUser(const Service& service, const Call& call) {
  JsonObject body(call.request.body);
  store::NewAccount wanted;
  wanted.name = body.RequiredString("name");
  wanted.role = ReadRole(body).value_or(store::Role::kMember);
  wanted.limits = ReadLimits(body).value_or(store::Limits());
  const std::string password = body.RequiredString("password");
  if (auto read = body.Finish(); !read) return call.Send(read.error());
  if (auto right = CheckNewPassword(password); !right) return call.Send(right.error());
  InBackground(service, call, [&service, writer = call.writer, wanted, password]() mutable {
    Gate& gate = *service.gate;
    auto hash = store::HashPassword(password, gate.settings().password_cost);
    if (!hash) return writer->Send(ErrorResponse(FromStoreError(hash.error())));
    wanted.password_hash = std::move(*hash);
    wanted.now_ms = gate.now_ms();
    const auto account = gate.store().accounts().Create(wanted);
    if (account) gate.authenticator().Refresh();
    SendAccount(writer, account, 201);
  });
}

// A new password ends the account's sessions.
void Apply(const Service& service, const WriterPtr& writer, const std::string& id,
           const store::AccountChange& change) {
  Gate& gate = *service.gate;
  const auto account = gate.store().accounts().Change(id, change, gate.now_ms());
  if (account && change.password_hash) {
    const auto ended = gate.store().sessions().RemoveOthers(id, "");
    if (!ended) return writer->Send(ErrorResponse(FromStoreError(ended.error())));
  }
  SendAccount(writer, account, 200);
}

void ChangeUser(const Service& service, const Call& call) {
  JsonObject body(call.request.body);
  store::AccountChange change;
  change.role = ReadRole(body);
  change.disabled = body.Bool("disabled");
  change.limits = ReadLimits(body);
  const auto password = body.String("password");
  if (auto read = body.Finish(); !read) return call.Send(read.error());
  const std::string id(call.request.Parameter("id"));
  if (!password) return Apply(service, call.writer, id, change);
  if (auto right = CheckNewPassword(*password); !right) return call.Send(right.error());
  InBackground(service, call, [&service, writer = call.writer, id, change, password]() mutable {
    auto hash = store::HashPassword(*password, service.gate->settings().password_cost);
    if (!hash) return writer->Send(ErrorResponse(FromStoreError(hash.error())));
    change.password_hash = std::move(*hash);
    Apply(service, writer, id, change);
  });
}

void RemoveUser(const Service& service, const Call& call) {
  const auto removed = service.gate->store().accounts().Remove(call.request.Parameter("id"));
  if (!removed) return call.Send(FromStoreError(removed.error()));
  call.Send({204, {}, ""});
}

void ListAllKeys(const Service& service, const Call& call) {
  const auto keys = service.gate->store().keys().List("");
  if (!keys) return call.Send(FromStoreError(keys.error()));
  Json data = Json::array();
  for (const store::ApiKey& key : *keys) data.push_back(KeyJson(key));
  call.Send(JsonResponse({{"data", std::move(data)}}));
}

void RevokeAnyKey(const Service& service, const Call& call) {
  Gate& gate = *service.gate;
  const auto revoked = gate.store().keys().Revoke("", call.request.Parameter("id"), gate.now_ms());
  if (!revoked) return call.Send(FromStoreError(revoked.error()));
  if (!*revoked) return call.Send(ApiError{"not_found", "there is no such key", ""});
  call.Send({204, {}, ""});
}

}  // namespace

void AddAdminRoutes(Routes& routes) {
  const auto add = [&](const char* method, const char* path, Routes::Handler handler) {
    routes.Add(method, path, RunOn::kWorker, Rule::kAdmin, std::move(handler));
  };
  add("GET", "/api/admin/users", ListUsers);
  add("POST", "/api/admin/users", AddUser);
  add("PATCH", "/api/admin/users/{id}", ChangeUser);
  add("DELETE", "/api/admin/users/{id}", RemoveUser);
  add("GET", "/api/admin/keys", ListAllKeys);
  add("DELETE", "/api/admin/keys/{id}", RevokeAnyKey);
  add("GET", "/api/admin/usage",
      [](const Service& service, const Call& call) { SendUsage(service, call, ""); });
  add("GET", "/api/admin/usage.csv",
      [](const Service& service, const Call& call) { SendUsageCsv(service, call, ""); });
}

}  // namespace dure::api
