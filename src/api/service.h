// What every route needs: the provider, who this server is, and where time and chance come from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/access/gate.h"
#include "api/access/routes.h"
#include "api/openai/chat_request.h"
#include "api/openai/embedding_request.h"
#include "api/openai/text_request.h"
#include "assistant/answers.h"
#include "net/server.h"
#include "providers/provider.h"
#include "providers/watched_provider.h"

namespace dure::api {

/// Shared by all handlers; does not change while the server runs.
struct Service {
  providers::Provider* provider = nullptr;  // outlives the service, as does
  Gate* gate = nullptr;
  assistant::Answers* chat_answers = nullptr;  // the web app's
  std::string version;                         // of the program
  std::string instance;                        // differs with every start
  ChatRequestLimits chat_limits;
  TextRequestLimits text_limits;
  EmbeddingRequestLimits embedding_limits;
  size_t max_coalesced_bytes =
      32 << 10;  // of a stream, while its reader is slow; beyond it the stream is closed
  const providers::CompletionMeter* meter = nullptr;  // of all completions; outlives the service
  std::function<net::ServerStats()> server_stats;     // of the server that has the routes
  int64_t started_at = 0;                             // seconds UTC
  std::function<int64_t()> unix_time;                 // seconds UTC
  std::function<std::string()> random_id;             // 24 letters and digits, never the same twice
};

/// All routes of the server: the OpenAI API, accounts, the web app and what watches the server.
Routes MakeRoutes(std::shared_ptr<const Service> service);

/// The routes of each part, for MakeRoutes.
void AddHealthRoutes(Routes& routes);
void AddOpenAiRoutes(Routes& routes);
void AddAnthropicRoutes(Routes& routes);
void AddTextRoutes(Routes& routes);
void AddEmbeddingRoutes(Routes& routes);
void AddTokenRoutes(Routes& routes);
void AddResponsesRoutes(Routes& routes);
void AddAccountRoutes(Routes& routes);
void AddAdminRoutes(Routes& routes);
void AddAppRoutes(Routes& routes);
void AddMetricsRoutes(Routes& routes);
void AddMissingRoutes(Routes& routes);
void AddDocsRoutes(Routes& routes);

/// 200 with JSON; text that is no UTF-8 is replaced.
net::Response JsonResponse(const Json& json);
std::string DumpJson(const Json& json);

/// What keeps a chat from starting now: a model that is still loading or has failed. Nothing when
/// all are ready.
std::optional<ApiError> WhyNotReady(const std::vector<providers::ModelInfo>& models);

ApiError NoSuchModel(std::string_view id);
/// Why this caller cannot use this model now, or not for this (nullopt: any kind will do). A model
/// that it may not use does not exist for it.
std::optional<ApiError> WhyNotUsable(const Service& service, const Caller& caller,
                                     const std::string& id,
                                     std::optional<providers::ModelKind> kind);

}  // namespace dure::api
