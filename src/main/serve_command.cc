// `dure serve`: the server, from its start to its orderly end.
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "api/error_table.h"
#include "api/service.h"
#include "main/commands.h"
#include "main/model_folder.h"
#include "main/model_options.h"
#include "net/server.h"
#include "providers/local_model.h"
#include "providers/local_provider.h"
#include "store/data_folder.h"

namespace dure {
namespace {

constexpr int kExitInterrupted = 130;  // as a shell reports an end by SIGINT

struct ServeOptions {
  std::vector<std::string> models;
  std::string host = "127.0.0.1";
  int port = 8080;
  std::string data;
  int threads = 0;
  int context = 0;
  int drain_seconds = 10;
  bool no_prefix_cache = false;
  engine::Speculation speculation = engine::Speculation::kNgram;
  double step_budget_ms = engine::EngineOptions().step_budget_ms;
  std::vector<std::string> allow_hosts;
  std::vector<std::string> allow_origins;
};

uint64_t RandomBits() {
  uint64_t bits = 0;
  // Cannot fail for so few bytes once the kernel's generator is seeded, which it waits for.
  while (::getrandom(&bits, sizeof bits, 0) != sizeof bits) {
  }
  return bits;
}

std::string RandomText(size_t length) {
  constexpr std::string_view kLetters =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string text;
  uint64_t bits = 0;
  for (size_t i = 0; i < length; ++i) {
    if (i % 8 == 0) bits = RandomBits();
    text += kLetters[bits % kLetters.size()];
    bits /= kLetters.size();
  }
  return text;
}

int64_t UnixTime() { return static_cast<int64_t>(std::time(nullptr)); }

bool IsLoopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

/// What the main thread waits for: signals, and news from other threads.
class Events {
 public:
  enum Kind : uint64_t { kSignal, kLoaded, kStopped };

  /// Blocks SIGINT and SIGTERM for this thread and those it starts: they arrive here instead.
  Events() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    signal_fd_ = ::signalfd(-1, &signals, SFD_CLOEXEC);
    wake_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
  }
  ~Events() {
    ::close(signal_fd_);
    ::close(wake_fd_);
  }
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;

  void Post(Kind kind) {
    {
      const std::lock_guard lock(mutex_);
      posted_.push_back(kind);
    }
    const uint64_t one = 1;
    if (::write(wake_fd_, &one, sizeof one) < 0) std::cerr << "dure: an event was lost\n";
  }

  Kind Wait() {
    for (;;) {
      std::array<pollfd, 2> watched = {pollfd{signal_fd_, POLLIN, 0}, pollfd{wake_fd_, POLLIN, 0}};
      ::poll(watched.data(), watched.size(), -1);
      signalfd_siginfo signal{};
      if ((watched[0].revents & POLLIN) != 0 && ::read(signal_fd_, &signal, sizeof signal) > 0) {
        return kSignal;
      }
      uint64_t count = 0;
      if ((watched[1].revents & POLLIN) != 0 && ::read(wake_fd_, &count, sizeof count) > 0) {
        const std::lock_guard lock(mutex_);
        const Kind kind = posted_.front();
        posted_.erase(posted_.begin());
        return kind;
      }
    }
  }

 private:
  int signal_fd_;
  int wake_fd_;
  std::mutex mutex_;
  std::vector<Kind> posted_;
};

net::ServerOptions MakeServerOptions(const ServeOptions& options) {
  net::ServerOptions server;
  server.host = options.host;
  server.port = static_cast<uint16_t>(options.port);
  server.access.allowed_hosts.push_back(options.host);
  for (const std::string& host : options.allow_hosts) server.access.allowed_hosts.push_back(host);
  server.access.allowed_origins = options.allow_origins;
  server.render_error = [](int status, const std::string& message) {
    net::Response response = api::ErrorResponse(api::FromHttpStatus(status, message));
    response.status = status;
    return response;
  };
  server.log = [](const std::string& message) { std::cerr << "dure: " + message + "\n"; };
  return server;
}

std::shared_ptr<const api::Service> MakeService(providers::Provider& provider) {
  auto service = std::make_shared<api::Service>();
  service->provider = &provider;
  service->version = DURE_VERSION;
  service->instance = RandomText(16);
  service->unix_time = UnixTime;
  service->random_id = [] { return RandomText(24); };
  return service;
}

Result<std::vector<std::string>> FindModels(const ServeOptions& options) {
  std::vector<std::string> paths;
  for (const std::string& name : options.models) {
    auto path = ResolveModelPath(name);
    if (!path) return tl::unexpected(path.error());
    const std::string id = providers::LocalModelId(*path);
    for (const std::string& other : paths) {
      if (providers::LocalModelId(other) != id) continue;
      return Fail(ErrorCode::kInvalidArgument, "--model: two models have the name '" + id +
                                                   "'; clients could not tell them apart");
    }
    paths.push_back(std::move(*path));
  }
  if (!paths.empty()) return paths;
  auto path = ResolveModelPath("");
  if (path) return std::vector<std::string>{std::move(*path)};
  std::cerr << "dure: starting without a model: " << path.error().message << "\n";
  return paths;
}

// Waits until the server is to end. An error: a model could not be loaded.
Result<void> RunUntilSignal(Events& events, const net::Server& server,
                            const std::optional<Result<void>>& loaded) {
  for (;;) {
    if (events.Wait() == Events::kSignal) return {};
    if (!loaded->has_value()) return *loaded;
    std::cout << "Dure is ready at " << server.url() << std::endl;
  }
}

void StopServer(Events& events, net::Server& server, std::chrono::milliseconds drain) {
  std::thread stopping([&] {
    server.Stop(drain);
    events.Post(Events::kStopped);
  });
  for (;;) {
    const Events::Kind kind = events.Wait();
    if (kind == Events::kStopped) break;
    // Whoever sends a second signal does not want to wait for answers to finish.
    if (kind == Events::kSignal) std::_Exit(kExitInterrupted);
  }
  stopping.join();
}

Result<void> Serve(const ServeOptions& options) {
  if (!IsLoopback(options.host)) {
    return Fail(ErrorCode::kUnsupported,
                "refusing to listen on " + options.host +
                    ": without accounts everybody who reaches it could use it; only 127.0.0.1, "
                    "::1 and localhost are possible");
  }
  const auto models = FindModels(options);
  if (!models) return tl::unexpected(models.error());
  const auto data =
      store::DataFolder::Open(options.data.empty() ? store::DefaultDataFolder() : options.data);
  if (!data) return tl::unexpected(data.error());

  Events events;
  providers::LocalProviderOptions local;
  local.model_paths = *models;
  local.threads = options.threads;
  local.engine.context_length = options.context;
  local.engine.prefix_cache = !options.no_prefix_cache;
  local.engine.speculation = options.speculation;
  local.engine.step_budget_ms = options.step_budget_ms;
  local.random_seed = RandomBits;
  local.unix_time = UnixTime;
  providers::LocalProvider provider(std::move(local));
  auto server =
      net::Server::Start(MakeServerOptions(options), api::MakeRouter(MakeService(provider)));
  if (!server) return tl::unexpected(server.error());

  std::optional<Result<void>> loaded;  // read after kLoaded only
  std::atomic<bool> loaded_posted{false};
  provider.StartLoading([&](Result<void> result) {
    loaded = std::move(result);
    loaded_posted = true;
    events.Post(Events::kLoaded);
  });
  const auto ended = RunUntilSignal(events, **server, loaded);
  StopServer(events, **server, std::chrono::seconds(ended ? options.drain_seconds : 0));
  if (ended && !loaded_posted) {
    // A load cannot be interrupted, and nothing is lost with it.
    std::cout.flush();
    std::_Exit(0);
  }
  return ended;
}

}  // namespace

void RegisterServe(CLI::App& app, CommandContext& context) {
  auto* command =
      app.add_subcommand("serve", "Start the server: the chat page and the API under /v1");
  command->group(kEverydayGroup);
  command->footer(
      "Examples:\n"
      "  dure serve                                     with the default model, for this computer\n"
      "  dure serve --model mistral-7b.gguf --port 9000\n"
      "Then open the address it prints, or point any OpenAI client at ADDRESS/v1.");
  auto options = std::make_shared<ServeOptions>();
  command->add_option("--model", options->models,
                      "A GGUF file, or a name from `dure models`; several can be given, the first "
                      "is the default");
  command->add_option("--host", options->host, "The address to listen on: only this computer's own")
      ->capture_default_str();
  command->add_option("--port", options->port, "The port to listen on; 0 takes any free one")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  command->add_option(
      "--data", options->data,
      "The folder that keeps everything (default: " + store::DefaultDataFolder() + ")");
  command
      ->add_option("--threads", options->threads, "Threads to compute with; 0: one for each core")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command
      ->add_option("--context", options->context,
                   "Tokens of context for each chat; 0: what the model was trained for")
      ->check(CLI::Range(0, 1 << 24))
      ->capture_default_str();
  command
      ->add_option("--drain", options->drain_seconds,
                   "Seconds that running answers get to finish when the server is told to stop")
      ->check(CLI::Range(0, 3600))
      ->capture_default_str();
  command->add_flag("--no-prefix-cache", options->no_prefix_cache,
                    "Compute every chat from its start instead of where an earlier turn ended");
  AddSpeculationOption(*command, options->speculation);
  command
      ->add_option("--step-budget", options->step_budget_ms,
                   "Milliseconds that new prompts may hold up running answers at a time")
      ->check(CLI::Range(1.0, 60000.0))
      ->capture_default_str();
  command->add_option("--allow-host", options->allow_hosts,
                      "Another name this server may be called by (behind a proxy)");
  command->add_option("--allow-origin", options->allow_origins,
                      "Another web page that may use it, as https://name");
  command->callback([&context, options] { context.outcome = Serve(*options); });
}

}  // namespace dure
