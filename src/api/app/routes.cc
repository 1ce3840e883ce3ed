// What the web app asks for (docs/web-api.md), and the app's own files.
#include <string>
#include <utility>

#include "api/app/app_routes.h"
#include "api/app/pages.h"
#include "api/service.h"

namespace dure::api {

namespace {

const char* StatusName(providers::ModelState state) {
  switch (state) {
    case providers::ModelState::kLoading:
      return "loading";
    case providers::ModelState::kReady:
    case providers::ModelState::kUnloaded:  // a chat loads it
      return "ready";
    case providers::ModelState::kFailed:
      return "failed";
  }
  return "failed";
}

// owner: nobody needs to sign in; accounts: everybody does; setup: the first administrator is
// awaited.
const char* ModeName(const Authenticator& authenticator) {
  if (authenticator.setup_pending()) return "setup";
  return authenticator.login_required() ? "accounts" : "owner";
}

Json InfoJson(const Service& service, const Caller& caller) {
  Json info = {{"name", "Dure"},
               {"version", service.version},
               {"instance", service.instance},
               {"mode", ModeName(service.gate->authenticator())},
               {"account", nullptr},
               {"status", "signed_out"},
               {"model", nullptr},
               {"context_length", nullptr},
               {"loading", nullptr},
               {"error", nullptr},
               {"languages", {"en", "ko"}},
               {"conversations", false}};
  if (!caller.known()) return info;  // the models are not everybody's business
  info["account"] = {{"id", caller.account_id},
                     {"name", caller.account_name},
                     {"role", caller.is_admin() ? "admin" : "member"}};
  info["status"] = "no_model";
  auto models = service.provider->models();
  std::erase_if(models, [&](const auto& model) { return !caller.MayUse(model.id); });
  if (models.empty()) return info;
  const providers::ModelInfo& model = models.front();
  info["status"] = StatusName(model.state);
  info["model"] = model.id;
  if (model.context_length > 0) info["context_length"] = model.context_length;
  if (model.state == providers::ModelState::kLoading) {
    info["loading"] = {{"bytes_done", model.bytes_loaded}, {"bytes_total", model.bytes_total}};
  }
  if (model.state == providers::ModelState::kFailed) info["error"] = model.error;
  return info;
}

Json StatsJson(const Service& service) {
  Json models = Json::array();
  for (const providers::ModelStats& stats : service.provider->stats()) {
    models.push_back({{"id", stats.id},
                      {"running", stats.running},
                      {"queued", stats.queued},
                      {"blocks_used", stats.blocks_used},
                      {"blocks_total", stats.blocks_total},
                      {"steps", stats.steps},
                      {"tokens_generated", stats.tokens_generated}});
  }
  return {{"models", std::move(models)}};
}

}  // namespace

void AddAppRoutes(Routes& routes) {
  routes.Add("GET", "/api/app/info", net::RunOn::kIoThread, Rule::kOpen,
             [](const Service& service, const Call& call) {
               call.Send(JsonResponse(InfoJson(service, call.caller)));
             });
  routes.Add("GET", "/api/app/stats", net::RunOn::kIoThread, Rule::kAdmin,
             [](const Service& service, const Call& call) {
               call.Send(JsonResponse(StatsJson(service)));
             });
  AddConversationRoutes(routes);
  routes.SetFallback(
      [](const net::Request& request, const std::shared_ptr<net::ResponseWriter>& writer) {
        writer->Send(ServePage(request, app::Assets()));
      });
}

}  // namespace dure::api
