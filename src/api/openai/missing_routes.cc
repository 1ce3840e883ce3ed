// What OpenAI's API has and this server does not: an honest 501 instead of a 404. Whoever adds one
// of these takes it out here.
#include <initializer_list>
#include <string>

#include "api/service.h"

namespace dure::api {

namespace {

/// Resources with nothing behind them at all: every method on the list, and on what is below it.
constexpr const char* kFamilies[] = {
    "/v1/assistants", "/v1/audio",        "/v1/batches", "/v1/chatkit",       "/v1/containers",
    "/v1/evals",      "/v1/files",        "/v1/images",  "/v1/conversations", "/v1/moderations",
    "/v1/realtime",   "/v1/fine_tuning",  "/v1/threads", "/v1/organization",  "/v1/uploads",
    "/v1/videos",     "/v1/vector_stores"};

struct Endpoint {
  const char* method;
  const char* pattern;
};

/// Single ones, beside others that work.
constexpr Endpoint kEndpoints[] = {
    {"POST", "/v1/responses/input_tokens"},
    {"POST", "/v1/responses/compact"},
    // Chat completions are not stored.
    {"GET", "/v1/chat/completions"},
    {"GET", "/v1/chat/completions/{path...}"},
    {"POST", "/v1/chat/completions/{path...}"},
    {"DELETE", "/v1/chat/completions/{path...}"},
    // Models are the operator's to remove.
    {"DELETE", "/v1/models/{path...}"},
};

}  // namespace

void AddMissingRoutes(Routes& routes) {
  for (const std::string family : kFamilies) {
    for (const char* method : {"GET", "POST", "DELETE"}) {
      routes.AddMissing(method, family);
      routes.AddMissing(method, family + "/{path...}");
    }
  }
  for (const Endpoint& endpoint : kEndpoints) routes.AddMissing(endpoint.method, endpoint.pattern);
}

}  // namespace dure::api
