#include "main/serve_options.h"

#include <optional>
#include <utility>

#include "api/error_table.h"
#include "main/account_store.h"
#include "main/model_options.h"
#include "net/address.h"
#include "store/data_folder.h"
#include "store/secrets.h"

namespace dure {

namespace {

constexpr char kAccessGroup[] = "Who may come in";
constexpr char kLimitsGroup[] = "Limits";
constexpr int kMostSequences = 64;  // what the engine computes at once; the rest waits
constexpr size_t kSetupTokenLetters = 24;

bool IsLoopback(const std::string& host) {
  if (host == "localhost") return true;
  const auto address = net::IpAddress::Parse(host);
  return address && address->is_loopback();
}

struct PublicUrl {
  bool https = false;
  std::string host;    // without a port
  std::string origin;  // "https://chat.example"
};

Result<PublicUrl> ParsePublicUrl(const std::string& url) {
  const auto wrong =
      Fail(ErrorCode::kInvalidArgument,
           "--public-url must be the address that people type, as https://chat.example");
  const bool https = url.starts_with("https://");
  if (!https && !url.starts_with("http://")) return wrong;
  const std::string rest = url.substr(https ? 8 : 7);
  if (rest.empty() || rest.find_first_of("/?#@ \\") != rest.npos) return wrong;
  const size_t bracket = rest.starts_with('[') ? rest.find(']') : 0;
  if (bracket == rest.npos) return wrong;
  return PublicUrl{https, rest.substr(0, rest.find(':', bracket)), url};
}

void AddAccessOptions(CLI::App& command, ServeOptions& options) {
  const auto add = [&](const char* name, auto& value, const char* text) {
    return command.add_option(name, value, text)->group(kAccessGroup);
  };
  command
      .add_flag(
          "--require-login", options.require_login,
          "Ask for an account also on this computer's own address (always asked for on others)")
      ->group(kAccessGroup);
  command
      .add_flag("--setup", options.setup,
                "Start without an administrator; the first one is made on a page whose address is "
                "printed")
      ->group(kAccessGroup);
  add("--tls-cert", options.tls_certificate, "Certificates in PEM form: speak https");
  add("--tls-key", options.tls_key, "The certificate's key in PEM form");
  add("--public-url", options.public_url, "The address that people type, as https://chat.example");
  add("--trusted-proxy", options.trusted_proxies,
      "A proxy's address or range (10.0.0.0/8) whose X-Forwarded-For and -Proto are believed");
  add("--allow-host", options.allow_hosts, "Another name this server may be called by");
  add("--allow-origin", options.allow_origins,
      "Another site whose pages may use it, as https://name");
  add("--session-days", options.session_days, "Days until one must sign in again")
      ->check(CLI::Range(1, 3650))
      ->capture_default_str();
  add("--responses-days", options.responses_days,
      "Days that answers of /v1/responses are kept for their clients to read again")
      ->check(CLI::Range(1, 36500))
      ->capture_default_str();
}

void AddAccountLimits(CLI::App& command, ServeOptions& options) {
  const auto add = [&](const char* name, int64_t& value, const char* text) {
    command.add_option(name, value, text)
        ->group(kLimitsGroup)
        ->check(CLI::Range(int64_t{0}, int64_t{1} << 50))
        ->capture_default_str();
  };
  add("--account-requests-per-minute", options.account_requests_per_minute,
      "For each account that has no other limit; 0: any number");
  add("--account-tokens-per-minute", options.account_tokens_per_minute, "The same for tokens");
  add("--account-parallel", options.account_parallel, "Requests of one account at once");
  add("--account-tokens-per-day", options.account_tokens_per_day, "Tokens of one account a day");
}

void AddSizeLimits(CLI::App& command, ServeOptions& options) {
  const auto add = [&](const char* name, auto& value, int64_t least, int64_t most,
                       const char* text) {
    command.add_option(name, value, text)
        ->group(kLimitsGroup)
        ->check(CLI::Range(least, most))
        ->capture_default_str();
  };
  add("--max-queue", options.max_queue, 0, 1 << 20, "Requests that may wait; beyond it 503");
  add("--max-queued-tokens", options.max_queued_tokens, 1, int64_t{1} << 40,
      "Of the prompts of requests that wait; beyond it 503");
  command
      .add_option("--queue-deadline", options.queue_deadline_seconds,
                  "Seconds that a request may wait for its start; then 503; 0: any time")
      ->group(kLimitsGroup)
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  add("--max-connections", options.max_connections, 1, 1 << 20, "Connections at once");
  add("--max-header-bytes", options.max_header_bytes, 1024, 1 << 20, "Of a request's header");
  add("--max-header-fields", options.max_header_fields, 8, 10'000, "Of a request");
  add("--max-body-bytes", options.max_body_bytes, 1024, int64_t{1} << 32, "Of a request");
  add("--max-bodies-bytes", options.max_bodies_bytes, 1 << 20, int64_t{1} << 40,
      "Of all requests at once, beyond 64 KiB of each");
  add("--max-json-depth", options.max_json_depth, 4, 512, "Nested arrays and objects in a body");
  add("--max-messages", options.max_messages, 1, 1 << 20, "Of a chat");
  add("--max-prompts", options.max_prompts, 1, 1 << 16, "Texts to continue in one request");
  add("--max-inputs", options.max_inputs, 1, 1 << 20, "Texts to embed in one request");
  add("--max-input-tokens", options.max_input_tokens, 1, int64_t{1} << 40, "Of them together");
  add("--max-tools", options.max_tools, 0, 1 << 16, "Of a request");
  add("--max-tool-bytes", options.max_tool_bytes, 64, 1 << 24,
      "Of one tool: its name, description and parameters");
  add("--max-stops", options.max_stops, 0, 64, "Stop strings of a request");
  add("--max-stop-bytes", options.max_stop_bytes, 1, 1024, "Of one stop string");
  add("--slow-reader-bytes", options.slow_reader_bytes, 4096, 1 << 26,
      "What may wait for a client that reads a stream slowly; beyond it the stream is closed");
}

}  // namespace

void AddServeOptions(CLI::App& command, ServeOptions& options) {
  command.add_option("--model", options.models,
                     "A GGUF file, an embedding model's folder, or a name from `dure models`; "
                     "several can be given, the first is the default");
  command.add_option("--models-from", options.model_folders,
                     "A folder whose GGUF files are offered too, each loaded at its first request");
  command
      .add_option("--memory-budget", options.memory_budget_mib,
                  "MiB that the models in memory may take, caches included; the one unused for "
                  "longest makes room; 0: no limit")
      ->check(CLI::Range(uint64_t{0}, uint64_t{1} << 30))
      ->capture_default_str();
  command
      .add_option("--idle-unload", options.idle_unload_minutes,
                  "Minutes without a request after which a model other than the first leaves "
                  "memory; 0: never")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  command
      .add_option("--host", options.host,
                  "The address to listen on; others than this computer's own need accounts")
      ->capture_default_str();
  command.add_option("--port", options.port, "The port to listen on; 0 takes any free one")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  command.add_option(
      "--data", options.data,
      "The folder that keeps everything (default: " + store::DefaultDataFolder() + ")");
  command.add_option("--threads", options.threads, "Threads to compute with; 0: one for each core")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command
      .add_option("--context", options.context,
                  "Tokens of context for each chat; 0: what the model was trained for")
      ->check(CLI::Range(0, 1 << 24))
      ->capture_default_str();
  command
      .add_option("--drain", options.drain_seconds,
                  "Seconds that running answers get to finish when the server is told to stop")
      ->check(CLI::Range(0, 3600))
      ->capture_default_str();
  command.add_flag("--no-prefix-cache", options.no_prefix_cache,
                   "Compute every chat from its start instead of where an earlier turn ended");
  AddSpeculationOption(command, options.speculation);
  command
      .add_option("--step-budget", options.step_budget_ms,
                  "Milliseconds that new prompts may hold up running answers at a time")
      ->check(CLI::Range(1.0, 60000.0))
      ->capture_default_str();
  AddAccessOptions(command, options);
  AddAccountLimits(command, options);
  AddSizeLimits(command, options);
}

Result<api::GateSettings> GateSettingsOf(const ServeOptions& options, bool has_admin) {
  if (options.host != "localhost" && !net::IpAddress::Parse(options.host)) {
    return Fail(ErrorCode::kInvalidArgument, "--host: '" + options.host + "' is not an IP address");
  }
  const bool loopback = IsLoopback(options.host);
  const bool login = !loopback || options.require_login || options.setup;
  if (login && !has_admin && !options.setup) {
    const std::string what =
        loopback ? "--require-login needs an account"
                 : "refusing to listen on " + options.host +
                       " without accounts: everybody who reaches it could use it, which is "
                       "possible on 127.0.0.1 only";
    return Fail(ErrorCode::kUnsupported,
                what +
                    "; make the first one with `dure user add NAME --admin --password-stdin`, "
                    "or start with --setup");
  }
  api::GateSettings settings;
  settings.authentication.require_login = login;
  if (login && !has_admin) {
    settings.authentication.setup_token = store::RandomLetters(kSetupTokenLetters);
  }
  settings.authentication.public_https = options.public_url.starts_with("https://");
  settings.authentication.session_days = options.session_days;
  settings.responses_kept_days = options.responses_days;
  settings.account_defaults = {LimitOrNone(options.account_requests_per_minute),
                               LimitOrNone(options.account_tokens_per_minute),
                               LimitOrNone(options.account_parallel),
                               LimitOrNone(options.account_tokens_per_day),
                               {}};
  settings.max_requests = kMostSequences + options.max_queue;
  return settings;
}

std::string ServeWarning(const ServeOptions& options) {
  const bool covered = !options.tls_certificate.empty() || !options.trusted_proxies.empty();
  if (covered || IsLoopback(options.host)) return "";
  return "passwords and keys reach " + options.host +
         " unencrypted; use --tls-cert and --tls-key, or a proxy that speaks https";
}

Result<net::ServerOptions> ServerOptionsOf(const ServeOptions& options, bool login_required) {
  net::ServerOptions server;
  server.host = options.host;
  server.port = static_cast<uint16_t>(options.port);
  server.limits.max_header_bytes = options.max_header_bytes;
  server.limits.max_header_fields = options.max_header_fields;
  server.limits.max_body_bytes = options.max_body_bytes;
  server.max_connections = options.max_connections;
  server.max_body_bytes_at_once = options.max_bodies_bytes;
  server.max_outgoing_bytes = options.slow_reader_bytes / 2;  // the other half: joined tokens
  server.access.allowed_hosts.push_back(options.host);
  // Without accounts everything that gets here is the owner's: only its own names count.
  server.access.any_address = login_required;
  for (const std::string& host : options.allow_hosts) server.access.allowed_hosts.push_back(host);
  server.access.allowed_origins = options.allow_origins;
  server.tls = {options.tls_certificate, options.tls_key};
  if (!options.public_url.empty()) {
    auto url = ParsePublicUrl(options.public_url);
    if (!url) return tl::unexpected(url.error());
    server.access.allowed_hosts.push_back(url->host);
    server.access.allowed_origins.push_back(url->origin);
  }
  for (const std::string& text : options.trusted_proxies) {
    auto range = net::AddressRange::Parse(text);
    if (!range) {
      return Fail(ErrorCode::kInvalidArgument, "--trusted-proxy: " + range.error().message);
    }
    server.trusted_proxies.push_back(*range);
  }
  server.render_error = [](int status, const std::string& message) {
    net::Response response = api::ErrorResponse(api::FromHttpStatus(status, message));
    response.status = status;
    return response;
  };
  return server;
}

namespace {

template <typename Limits>
Limits CompletionLimits(const ServeOptions& options) {
  Limits limits;
  limits.json.max_bytes = options.max_body_bytes;
  limits.json.max_string_bytes = options.max_body_bytes;
  limits.json.max_depth = options.max_json_depth;
  limits.max_stops = options.max_stops;
  limits.max_stop_bytes = options.max_stop_bytes;
  return limits;
}

}  // namespace

api::ChatRequestLimits ChatLimits(const ServeOptions& options) {
  auto limits = CompletionLimits<api::ChatRequestLimits>(options);
  limits.max_messages = options.max_messages;
  limits.max_tools = options.max_tools;
  limits.max_tool_bytes = options.max_tool_bytes;
  return limits;
}

api::TextRequestLimits TextLimits(const ServeOptions& options) {
  auto limits = CompletionLimits<api::TextRequestLimits>(options);
  limits.max_prompts = options.max_prompts;
  return limits;
}

api::EmbeddingRequestLimits EmbeddingLimits(const ServeOptions& options) {
  api::EmbeddingRequestLimits limits;
  limits.json = TextLimits(options).json;
  limits.max_inputs = options.max_inputs;
  return limits;
}

}  // namespace dure
