// The options of `dure serve`, each limit of the server among them, and what they mean to the
// parts.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "api/access/gate.h"
#include "api/openai/chat_request.h"
#include "api/openai/embedding_request.h"
#include "api/openai/text_request.h"
#include "base/error.h"
#include "engine/engine.h"
#include "net/server.h"

namespace dure {

struct ServeOptions {
  std::vector<std::string> models;
  std::vector<std::string> model_folders;
  uint64_t memory_budget_mib = 0;
  int idle_unload_minutes = 0;
  std::string host = "127.0.0.1";
  int port = 8080;
  std::string data;
  int threads = 0;
  int context = 0;
  int drain_seconds = 10;
  bool no_prefix_cache = false;
  engine::Speculation speculation = engine::Speculation::kNgram;
  double step_budget_ms = engine::EngineOptions().step_budget_ms;

  // Who may come in.
  std::vector<std::string> allow_hosts;
  std::vector<std::string> allow_origins;
  bool require_login = false;
  bool setup = false;
  std::string tls_certificate;
  std::string tls_key;
  std::string public_url;
  std::vector<std::string> trusted_proxies;
  int64_t session_days = 30;
  int responses_days = 30;

  // How much.
  int64_t account_requests_per_minute = 0;
  int64_t account_tokens_per_minute = 0;
  int64_t account_parallel = 64;
  int64_t account_tokens_per_day = 0;
  int max_queue = 512;
  int64_t max_queued_tokens = engine::EngineOptions().max_queued_prompt_tokens;
  double queue_deadline_seconds = 60;
  int max_connections = 1024;
  uint32_t max_header_bytes = 16 << 10;
  size_t max_header_fields = 100;
  uint64_t max_body_bytes = 16 << 20;
  uint64_t max_bodies_bytes = 256 << 20;
  size_t max_json_depth = 64;
  size_t max_messages = 8192;
  size_t max_prompts = 64;
  size_t max_inputs = 2048;
  int64_t max_input_tokens = 300'000;
  size_t max_tools = 256;
  size_t max_tool_bytes = 64 << 10;
  size_t max_stops = 16;
  size_t max_stop_bytes = 1024;
  size_t slow_reader_bytes = 64 << 10;
};

/// Declares them on the command.
void AddServeOptions(CLI::App& command, ServeOptions& options);

/// What the operator should know although it works; "" for nothing.
std::string ServeWarning(const ServeOptions& options);

/// Errors: kInvalidArgument (--host); kUnsupported: everybody who reaches the address could use the
/// server, or accounts are asked for and there is none.
Result<api::GateSettings> GateSettingsOf(const ServeOptions& options, bool has_admin);

/// Without a log. Errors: kInvalidArgument (--public-url, --trusted-proxy).
Result<net::ServerOptions> ServerOptionsOf(const ServeOptions& options, bool login_required);

api::ChatRequestLimits ChatLimits(const ServeOptions& options);
api::TextRequestLimits TextLimits(const ServeOptions& options);
api::EmbeddingRequestLimits EmbeddingLimits(const ServeOptions& options);

}  // namespace dure
