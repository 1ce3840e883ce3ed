// `dure serve`: the server, from its start to its orderly end.
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "api/access/gate.h"
#include "api/responses/kept_responses.h"
#include "api/service.h"
#include "assistant/answers.h"
#include "main/commands.h"
#include "main/model_folder.h"
#include "main/serve_options.h"
#include "net/server.h"
#include "providers/local_model.h"
#include "providers/local_provider.h"
#include "providers/watched_provider.h"
#include "store/data_folder.h"
#include "store/secrets.h"
#include "store/store.h"

namespace dure {
namespace {

constexpr int kExitInterrupted = 130;  // as a shell reports an end by SIGINT

uint64_t RandomBits() {
  uint64_t bits = 0;
  // Cannot fail for so few bytes once the kernel's generator is seeded, which it waits for.
  while (::getrandom(&bits, sizeof bits, 0) != sizeof bits) {
  }
  return bits;
}

int64_t UnixTime() { return static_cast<int64_t>(std::time(nullptr)); }

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

int64_t UnixMs() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

void Log(const std::string& message) { std::cerr << "dure: " + message + "\n"; }

/// What the service is made of; all of it outlives the server.
struct Parts {
  providers::Provider& provider;
  api::Gate& gate;
  assistant::Answers& answers;
  const providers::CompletionMeter& meter;
  const std::atomic<net::Server*>& server;  // nullptr until it has started
};

std::shared_ptr<const api::Service> MakeService(const ServeOptions& options, const Parts& parts) {
  auto service = std::make_shared<api::Service>();
  service->provider = &parts.provider;
  service->gate = &parts.gate;
  service->chat_answers = &parts.answers;
  service->meter = &parts.meter;
  service->server_stats = [&server = parts.server] {
    const net::Server* started = server;
    return started != nullptr ? started->stats() : net::ServerStats();
  };
  service->started_at = UnixTime();
  service->version = DURE_VERSION;
  service->instance = store::RandomLetters(16);
  service->chat_limits = ChatLimits(options);
  service->text_limits = TextLimits(options);
  service->embedding_limits = EmbeddingLimits(options);
  service->max_coalesced_bytes = options.slow_reader_bytes / 2;
  service->unix_time = UnixTime;
  service->random_id = [] { return store::RandomLetters(24); };
  return service;
}

Result<void> AddModel(std::vector<providers::PooledModel>& models, const std::string& path,
                      bool preload) {
  const std::string id = providers::LocalModelId(path);
  for (const providers::PooledModel& other : models) {
    if (providers::LocalModelId(other.path) != id) continue;
    return Fail(ErrorCode::kInvalidArgument, "--model: two models have the name '" + id +
                                                 "'; clients could not tell them apart");
  }
  // The first is the default, which people expect to answer at once.
  models.push_back({path, preload, !models.empty(), providers::ModelKindOf(path)});
  return {};
}

Result<void> AddFolder(std::vector<providers::PooledModel>& models, const std::string& folder) {
  std::error_code error;
  std::vector<std::string> paths;
  for (const auto& file : std::filesystem::directory_iterator(folder, error)) {
    if (file.path().extension() == ".gguf") paths.push_back(file.path().string());
  }
  if (error) {
    return Fail(ErrorCode::kNotFound, "--models-from: " + folder + ": " + error.message());
  }
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths) {
    const bool given = std::any_of(models.begin(), models.end(), [&](const auto& model) {
      return std::filesystem::equivalent(model.path, path, error);
    });
    if (given) continue;  // by --model, which says more
    if (auto added = AddModel(models, path, false); !added) return added;
  }
  return {};
}

Result<std::vector<providers::PooledModel>> FindModels(const ServeOptions& options) {
  std::vector<providers::PooledModel> models;
  for (const std::string& name : options.models) {
    const auto path = ResolveModelPath(name);
    if (!path) return tl::unexpected(path.error());
    if (auto added = AddModel(models, *path, true); !added) return tl::unexpected(added.error());
  }
  for (const std::string& folder : options.model_folders) {
    if (auto added = AddFolder(models, folder); !added) return tl::unexpected(added.error());
  }
  if (!models.empty()) {
    models.front().preload = true;
    return models;
  }
  const auto path = ResolveModelPath("");
  if (path) return std::vector<providers::PooledModel>{{*path, true, false}};
  std::cerr << "dure: starting without a model: " << path.error().message << "\n";
  return models;
}

// Waits until the server is to end. An error: a model could not be loaded.
Result<void> RunUntilSignal(Events& events, const std::string& announcement,
                            const std::optional<Result<void>>& loaded) {
  for (;;) {
    if (events.Wait() == Events::kSignal) return {};
    if (!loaded->has_value()) return *loaded;
    std::cout << announcement << std::flush;
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

Result<std::unique_ptr<store::Store>> OpenStore(const std::string& folder) {
  store::StoreOptions options;
  options.folder = folder;
  options.now_ms = UnixMs();
  options.log = Log;
  auto opened = store::OpenSqliteStore(options);
  if (!opened) return opened;
  if (auto forgotten = (*opened)->answers().ForgetRunning(); !forgotten) {
    return tl::unexpected(forgotten.error());
  }
  if (auto ended = api::EndCutOffResponses(**opened); !ended) {
    return tl::unexpected(ended.error());
  }
  return opened;
}

providers::LocalProviderOptions ProviderOptions(const ServeOptions& options,
                                                std::vector<providers::PooledModel> models) {
  providers::LocalProviderOptions local;
  local.models = std::move(models);
  local.memory_budget = options.memory_budget_mib << 20;
  local.unload_after = std::chrono::minutes(options.idle_unload_minutes);
  local.threads = options.threads;
  local.encoders.max_request_tokens = options.max_input_tokens;
  local.engine.context_length = options.context;
  local.engine.max_queued = options.max_queue;
  local.engine.max_queued_prompt_tokens = options.max_queued_tokens;
  local.engine.prefix_cache = !options.no_prefix_cache;
  local.engine.speculation = options.speculation;
  local.engine.step_budget_ms = options.step_budget_ms;
  local.random_seed = RandomBits;
  local.unix_time = UnixTime;
  return local;
}

providers::WatchSettings WatchSettingsOf(const ServeOptions& options,
                                         providers::CompletionMeter& meter) {
  const auto queue_time = std::chrono::duration<double>(options.queue_deadline_seconds);
  return {std::chrono::duration_cast<std::chrono::milliseconds>(queue_time), Log, &meter};
}

std::string Announcement(const ServeOptions& options, const net::Server& server,
                         const api::Gate& gate) {
  const std::string url = options.public_url.empty() ? server.url() : options.public_url;
  std::string text = "Dure is ready at " + server.url() + "\n";
  const std::string& token = gate.settings().authentication.setup_token;
  if (!token.empty()) {
    text += "Make the first administrator at " + url + "/setup#" + token + "\n";
  }
  return text;
}

Result<void> Serve(const ServeOptions& options) {
  const auto models = FindModels(options);
  if (!models) return tl::unexpected(models.error());
  const auto data =
      store::DataFolder::Open(options.data.empty() ? store::DefaultDataFolder() : options.data);
  if (!data) return tl::unexpected(data.error());
  Events events;  // before the first thread
  const auto store = OpenStore((*data)->path());
  if (!store) return tl::unexpected(store.error());
  const auto has_admin = (*store)->accounts().HasAdmin();
  if (!has_admin) return tl::unexpected(has_admin.error());
  auto door = GateSettingsOf(options, *has_admin);
  if (!door) return tl::unexpected(door.error());
  auto server_options = ServerOptionsOf(options, door->authentication.require_login);
  if (!server_options) return tl::unexpected(server_options.error());
  server_options->log = Log;

  api::Gate gate(std::move(*door), **store, UnixMs, Log);
  providers::LocalProvider provider(ProviderOptions(options, *models));
  providers::CompletionMeter meter;
  providers::WatchedProvider watched(provider, WatchSettingsOf(options, meter));
  assistant::Answers answers(watched, **store, UnixMs, Log);
  std::atomic<net::Server*> started = nullptr;
  auto service = MakeService(options, {watched, gate, answers, meter, started});
  auto server =
      net::Server::Start(std::move(*server_options), api::MakeRoutes(std::move(service)).Take());
  if (!server) return tl::unexpected(server.error());
  started = server->get();
  if (const std::string warning = ServeWarning(options); !warning.empty()) Log(warning);

  std::optional<Result<void>> loaded;  // read after kLoaded only
  std::atomic<bool> loaded_posted{false};
  provider.StartLoading([&](Result<void> result) {
    // What was cut off goes on before anybody asks for it.
    if (const auto resumed = answers.Resume(); !resumed) Log(resumed.error().message);
    loaded = std::move(result);
    loaded_posted = true;
    events.Post(Events::kLoaded);
  });
  const auto ended = RunUntilSignal(events, Announcement(options, **server, gate), loaded);
  StopServer(events, **server, std::chrono::seconds(ended ? options.drain_seconds : 0));
  if (ended && !loaded_posted) {
    // A load cannot be interrupted, and nothing is lost with it.
    std::cout.flush();
    (void)(*store)->Flush();
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
  AddServeOptions(*command, *options);
  command->callback([&context, options] { context.outcome = Serve(*options); });
}

}  // namespace dure
