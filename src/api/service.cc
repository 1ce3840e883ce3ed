#include "api/service.h"

#include <utility>

namespace dure::api {

std::string DumpJson(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

net::Response JsonResponse(const Json& json) {
  return {200, {{"Content-Type", "application/json"}}, DumpJson(json)};
}

std::optional<ApiError> WhyNotReady(const std::vector<providers::ModelInfo>& models) {
  for (const providers::ModelInfo& model : models) {
    if (model.state == providers::ModelState::kFailed) {
      return ApiError{"model_failed",
                      "the model '" + model.id + "' could not be loaded: " + model.error, "model"};
    }
    if (model.state == providers::ModelState::kLoading) {
      return ApiError{"model_loading", "the model '" + model.id + "' is still loading", "model"};
    }
  }
  return std::nullopt;
}

net::Router MakeRouter(std::shared_ptr<const Service> service) {
  net::Router router;
  AddHealthRoutes(router, service);
  AddOpenAiRoutes(router, service);
  AddAppRoutes(router, std::move(service));
  return router;
}

// /health says that the process lives, /ready that a chat can start: both look at nothing that
// could be busy.
void AddHealthRoutes(net::Router& router, std::shared_ptr<const Service> service) {
  router.Add("GET", "/health", net::RunOn::kIoThread,
             [](const net::Request&, const std::shared_ptr<net::ResponseWriter>& writer) {
               writer->Send(JsonResponse({{"status", "ok"}}));
             });
  router.Add("GET", "/ready", net::RunOn::kIoThread,
             [service = std::move(service)](const net::Request&,
                                            const std::shared_ptr<net::ResponseWriter>& writer) {
               if (const auto reason = WhyNotReady(service->provider->models())) {
                 return writer->Send(ErrorResponse(*reason));
               }
               writer->Send(JsonResponse({{"status", "ready"}}));
             });
}

}  // namespace dure::api
