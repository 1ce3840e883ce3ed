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

ApiError NoSuchModel(std::string_view id) {
  return {"model_not_found", "The model '" + std::string(id) + "' does not exist here", "model"};
}

std::optional<ApiError> WhyNotUsable(const Service& service, const Caller& caller,
                                     const std::string& id,
                                     std::optional<providers::ModelKind> kind) {
  for (const auto& model : service.provider->models()) {
    if (model.id != id || !caller.MayUse(id)) continue;
    if (!kind || model.kind == *kind) return WhyNotReady({model});
    const char* what = model.kind == providers::ModelKind::kEmbedding
                           ? "' gives embeddings; it writes no text"
                           : "' writes text; it gives no embeddings";
    return ApiError{"unsupported_value", "the model '" + id + what, "model"};
  }
  return NoSuchModel(id);
}

Routes MakeRoutes(std::shared_ptr<const Service> service) {
  Routes routes(std::move(service));
  AddHealthRoutes(routes);
  AddOpenAiRoutes(routes);
  AddEmbeddingRoutes(routes);
  AddTokenRoutes(routes);
  AddAnthropicRoutes(routes);
  AddResponsesRoutes(routes);
  AddAccountRoutes(routes);
  AddAdminRoutes(routes);
  AddAppRoutes(routes);
  AddMetricsRoutes(routes);
  AddMissingRoutes(routes);
  AddDocsRoutes(routes);  // of all of them
  return routes;
}

// /health says that the process lives, /ready that a chat can start: both look at nothing that
// could be busy.
void AddHealthRoutes(Routes& routes) {
  routes.Add("GET", "/health", net::RunOn::kIoThread, Rule::kOpen,
             [](const Service&, const Call& call) { call.Send(JsonResponse({{"status", "ok"}})); });
  routes.Add("GET", "/ready", net::RunOn::kIoThread, Rule::kOpen,
             [](const Service& service, const Call& call) {
               auto reason = WhyNotReady(service.provider->models());
               if (!reason) return call.Send(JsonResponse({{"status", "ready"}}));
               if (!call.caller.known()) {
                 // Which models there are is not everybody's business.
                 reason->message = reason->code == "model_loading" ? "a model is still loading"
                                                                   : "a model could not be loaded";
               }
               call.Send(*reason);
             });
}

}  // namespace dure::api
