// What the web app asks for (docs/web-api.md), and the app's own files.
#include <string>
#include <utility>

#include "api/app/pages.h"
#include "api/service.h"

namespace dure::api {

namespace {

using WriterPtr = std::shared_ptr<net::ResponseWriter>;

const char* StatusName(providers::ModelState state) {
  switch (state) {
    case providers::ModelState::kLoading:
      return "loading";
    case providers::ModelState::kReady:
      return "ready";
    case providers::ModelState::kFailed:
      return "failed";
  }
  return "failed";
}

Json InfoJson(const Service& service) {
  Json info = {{"name", "Dure"},       {"version", service.version}, {"instance", service.instance},
               {"status", "no_model"}, {"model", nullptr},           {"context_length", nullptr},
               {"loading", nullptr},   {"error", nullptr},           {"languages", {"en", "ko"}}};
  const auto models = service.provider->models();
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

void AddAppRoutes(net::Router& router, std::shared_ptr<const Service> service) {
  router.Add("GET", "/api/app/info", net::RunOn::kIoThread,
             [service](const net::Request&, const WriterPtr& writer) {
               writer->Send(JsonResponse(InfoJson(*service)));
             });
  router.Add("GET", "/api/app/stats", net::RunOn::kIoThread,
             [service](const net::Request&, const WriterPtr& writer) {
               writer->Send(JsonResponse(StatsJson(*service)));
             });
  router.SetFallback(net::RunOn::kIoThread,
                     [](const net::Request& request, const WriterPtr& writer) {
                       writer->Send(ServePage(request, app::Assets()));
                     });
}

}  // namespace dure::api
