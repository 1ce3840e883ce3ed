#include "providers/model_pool.h"

#include <sys/stat.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/memory.h"
#include "engine/cache_size.h"
#include "formats/gguf.h"
#include "models/kv_storage.h"
#include "models/registry.h"

namespace dure::providers {
namespace {

using Clock = std::chrono::steady_clock;

// When the file was last written stands for when the model was made.
int64_t FileTime(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<int64_t>(status.st_mtime) : 0;
}

uint64_t CacheBytes(const LocalModel& model, const engine::EngineOptions& options,
                    const engine::EngineStats& stats) {
  return static_cast<uint64_t>(stats.blocks_total) *
         models::KvStorage::BlockBytes(model.config(), options.kv_type);
}

/// Of an embedding model; 0 where it is not to be found.
uint64_t FileBytes(const std::string& path) {
  std::error_code none;
  const bool folder = std::filesystem::is_directory(path, none);
  const uint64_t bytes =
      std::filesystem::file_size(folder ? path + "/model.safetensors" : path, none);
  return none ? 0 : bytes;
}

/// What a model will take, from its file.
Result<uint64_t> EstimateBytes(const PooledModel& what, const engine::EngineOptions& options) {
  if (what.kind == ModelKind::kEmbedding) return FileBytes(what.path);
  auto file = formats::GgufFile::Open(what.path);
  if (!file) return tl::unexpected(file.error());
  auto config = models::ReadConfig(**file);
  if (!config) return tl::unexpected(config.error());
  const uint64_t block = models::KvStorage::BlockBytes(*config, options.kv_type);
  auto size = engine::ChooseCacheSize(options, config->context_length, block, AvailableMemory());
  if (!size) return tl::unexpected(size.error());
  return (*file)->file_bytes() + block * static_cast<uint64_t>(size->blocks);
}

/// A message as users may read it: the file by its name, not where it lies.
std::string WithoutFolder(std::string message, const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  for (size_t at = 0; (at = message.find(path, at)) != std::string::npos; at += name.size()) {
    message.replace(at, path.size(), name);
  }
  return message;
}

struct Entry {
  PooledModel what;
  ModelInfo info;
  Error failure{ErrorCode::kInternal, ""};  // of the last try to load it
  std::unique_ptr<LocalModel> model;        // one of the two
  std::unique_ptr<LocalEncoder> encoder;    // while loaded
  std::shared_ptr<EngineLink> link;
  uint64_t bytes = 0;  // while loaded
  int uses = 0;
  Clock::time_point last_used;
  bool queued = false;
  std::vector<std::function<void(ModelPool::UseResult)>> waiting;

  bool loaded() const { return model != nullptr || encoder != nullptr; }
};

}  // namespace

struct ModelPool::Impl {
  using Lock = std::unique_lock<std::mutex>;

  explicit Impl(ModelPoolOptions options_in);
  ~Impl();

  /// counts: for a request, and not only to look at.
  std::shared_ptr<Use> UseOf(Entry& entry, bool counts);
  void Release(Entry& entry, bool counts);
  Entry* Find(const std::string& id);

  // The pool's thread. All are called with the lock, which they give up while they load or unload.
  void Run();
  Result<void> Preload(Lock& lock);
  /// False: others have to let go first.
  bool Serve(Entry& entry, Lock& lock);
  Result<void> Load(Entry& entry, Lock& lock);
  Result<void> LoadModel(Entry& entry, Lock& lock);
  Result<void> LoadEncoder(Entry& entry, Lock& lock);
  std::function<void(const models::LoadProgress&)> ProgressOf(Entry& entry);
  void Answer(Entry& entry, const Result<void>& outcome, Lock& lock);
  /// Whether something was unloaded.
  bool UnloadOldest(Lock& lock, std::optional<Clock::time_point> unused_since);
  void Unload(Entry& entry, Lock& lock);
  std::optional<Clock::time_point> NextIdle() const;

  uint64_t Used() const;

  const ModelPoolOptions options;
  std::function<void(Result<void>)> on_loaded;

  mutable std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;
  std::vector<Entry> entries;  // the vector itself does not change after construction
  std::deque<Entry*> queue;    // to be loaded
  uint64_t loads = 0;
  std::thread thread;
};

ModelPool::Impl::Impl(ModelPoolOptions options_in) : options(std::move(options_in)) {
  for (const PooledModel& model : options.models) {
    Entry& entry = entries.emplace_back();
    entry.what = model;
    entry.info.id = LocalModelId(model.path);
    entry.info.created = FileTime(model.path);
    entry.info.kind = model.kind;
    entry.info.state = model.preload ? ModelState::kLoading : ModelState::kUnloaded;
  }
}

ModelPool::Impl::~Impl() {
  {
    const std::lock_guard lock(mutex);
    stopping = true;
  }
  changed.notify_all();
  if (thread.joinable()) thread.join();
  const Error error{ErrorCode::kUnavailable, "the server is shutting down"};
  for (Entry& entry : entries) {
    for (auto& ready : entry.waiting) ready(tl::unexpected(error));
    if (entry.link) entry.link->Cut();
  }
  // The engines' last calls let go of their uses, so they end while the rest still stands.
  for (Entry& entry : entries) {
    entry.model.reset();
    entry.encoder.reset();
  }
}

std::shared_ptr<ModelPool::Use> ModelPool::Impl::UseOf(Entry& entry, bool counts) {
  auto use = std::make_shared<Use>(entry.model.get(), entry.link, entry.encoder.get(),
                                   [this, &entry, counts] { Release(entry, counts); });
  ++entry.uses;
  return use;
}

void ModelPool::Impl::Release(Entry& entry, bool counts) {
  {
    const std::lock_guard lock(mutex);
    --entry.uses;
    if (counts) entry.last_used = Clock::now();
  }
  changed.notify_all();
}

Entry* ModelPool::Impl::Find(const std::string& id) {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const Entry& entry) { return entry.info.id == id; });
  return found == entries.end() ? nullptr : &*found;
}

uint64_t ModelPool::Impl::Used() const {
  uint64_t bytes = 0;
  for (const Entry& entry : entries) bytes += entry.loaded() ? entry.bytes : 0;
  return bytes;
}

void ModelPool::Impl::Run() {
  Lock lock(mutex);
  const Result<void> preloaded = Preload(lock);
  lock.unlock();
  on_loaded(preloaded);
  lock.lock();
  while (!stopping) {
    if (!queue.empty() && Serve(*queue.front(), lock)) {
      queue.pop_front();
      continue;
    }
    const bool over = options.memory_budget > 0 && Used() > options.memory_budget;
    if (over && UnloadOldest(lock, std::nullopt)) continue;
    const auto idle = NextIdle();
    if (!idle) {
      changed.wait(lock);
    } else if (Clock::now() < *idle) {
      changed.wait_until(lock, *idle);
    } else {
      UnloadOldest(lock, Clock::now() - options.unload_after);
    }
  }
}

Result<void> ModelPool::Impl::Preload(Lock& lock) {
  for (Entry& entry : entries) {
    if (!entry.what.preload || stopping) continue;
    if (options.memory_budget > 0 && &entry != &entries.front()) {
      const auto bytes = EstimateBytes(entry.what, options.load.engine);
      if (bytes && Used() + *bytes > options.memory_budget) {
        entry.info.state = ModelState::kUnloaded;
        continue;
      }
    }
    const Result<void> loaded = Load(entry, lock);
    if (loaded) {
      Answer(entry, {}, lock);
      continue;
    }
    entry.info.state = ModelState::kFailed;
    Answer(entry, tl::unexpected(entry.failure), lock);
    return loaded;  // with the path: for whoever started the program
  }
  return {};
}

bool ModelPool::Impl::Serve(Entry& entry, Lock& lock) {
  entry.queued = false;
  if (entry.loaded()) {
    Answer(entry, {}, lock);
    return true;
  }
  if (options.memory_budget > 0) {
    const auto bytes = EstimateBytes(entry.what, options.load.engine);
    if (bytes && *bytes > options.memory_budget) {
      Answer(entry,
             Fail(ErrorCode::kResourceExhausted,
                  "the model '" + entry.info.id + "' needs " + std::to_string(*bytes >> 20) +
                      " MiB; the memory budget is " + std::to_string(options.memory_budget >> 20) +
                      " MiB"),
             lock);
      return true;
    }
    while (bytes && Used() + *bytes > options.memory_budget) {
      if (UnloadOldest(lock, std::nullopt)) continue;
      entry.queued = true;
      return false;
    }
  }
  const Result<void> loaded = Load(entry, lock);
  entry.info.state = loaded ? ModelState::kReady : ModelState::kUnloaded;
  if (loaded) {
    Answer(entry, {}, lock);
  } else {
    Answer(entry, tl::unexpected(entry.failure), lock);
  }
  return true;
}

Result<void> ModelPool::Impl::Load(Entry& entry, Lock& lock) {
  entry.info.error.clear();
  ++entry.info.loads;
  ++loads;
  const Result<void> loaded =
      entry.what.kind == ModelKind::kText ? LoadModel(entry, lock) : LoadEncoder(entry, lock);
  if (!loaded) {
    entry.info.error = WithoutFolder(loaded.error().message, entry.what.path);
    const bool no_room = loaded.error().code == ErrorCode::kResourceExhausted;
    entry.failure = {no_room ? ErrorCode::kResourceExhausted : ErrorCode::kCorrupt,
                     "the model '" + entry.info.id + "' could not be loaded: " + entry.info.error};
    return loaded;
  }
  entry.last_used = Clock::now();
  entry.info.state = ModelState::kReady;
  return {};
}

std::function<void(const models::LoadProgress&)> ModelPool::Impl::ProgressOf(Entry& entry) {
  return [this, &entry](const models::LoadProgress& progress) {
    const std::lock_guard guard(mutex);
    entry.info.bytes_loaded = progress.bytes_done;
    entry.info.bytes_total = progress.bytes_total;
  };
}

Result<void> ModelPool::Impl::LoadModel(Entry& entry, Lock& lock) {
  LocalModelOptions load = options.load;
  load.on_progress = ProgressOf(entry);
  lock.unlock();
  auto loaded = LocalModel::Load(entry.what.path, load);
  lock.lock();
  if (!loaded) return tl::unexpected(loaded.error());
  entry.model = *std::move(loaded);
  entry.link = std::make_shared<EngineLink>(&entry.model->engine());
  entry.bytes = entry.model->weight_bytes() +
                CacheBytes(*entry.model, options.load.engine, entry.model->engine().stats());
  entry.info.context_length = entry.model->engine().context_length();
  return {};
}

Result<void> ModelPool::Impl::LoadEncoder(Entry& entry, Lock& lock) {
  LocalEncoderOptions load;
  load.threads = options.load.threads;
  load.limits = options.encoders;
  load.on_progress = ProgressOf(entry);
  lock.unlock();
  auto loaded = LocalEncoder::Load(entry.what.path, load);
  lock.lock();
  if (!loaded) return tl::unexpected(loaded.error());
  entry.encoder = *std::move(loaded);
  entry.bytes = entry.encoder->weight_bytes();
  entry.info.context_length = entry.encoder->config().context_length;
  return {};
}

void ModelPool::Impl::Answer(Entry& entry, const Result<void>& outcome, Lock& lock) {
  const auto waiting = std::exchange(entry.waiting, {});
  std::vector<UseResult> results;
  for (size_t i = 0; i < waiting.size(); ++i) {
    results.push_back(outcome ? UseResult(UseOf(entry, true)) : tl::unexpected(outcome.error()));
  }
  lock.unlock();
  for (size_t i = 0; i < waiting.size(); ++i) waiting[i](std::move(results[i]));
  results.clear();
  lock.lock();
}

bool ModelPool::Impl::UnloadOldest(Lock& lock, std::optional<Clock::time_point> unused_since) {
  Entry* oldest = nullptr;
  for (Entry& entry : entries) {
    if (!entry.loaded() || entry.uses > 0) continue;
    if (unused_since && (!entry.what.unload_when_idle || entry.last_used > *unused_since)) continue;
    if (oldest == nullptr || entry.last_used < oldest->last_used) oldest = &entry;
  }
  if (oldest == nullptr) return false;
  Unload(*oldest, lock);
  return true;
}

void ModelPool::Impl::Unload(Entry& entry, Lock& lock) {
  std::unique_ptr<LocalModel> model = std::move(entry.model);
  std::unique_ptr<LocalEncoder> encoder = std::move(entry.encoder);
  const std::shared_ptr<EngineLink> link = std::move(entry.link);
  entry.info.state = ModelState::kUnloaded;
  entry.info.bytes_loaded = 0;
  lock.unlock();
  if (link) link->Cut();
  model.reset();
  encoder.reset();
  lock.lock();
}

std::optional<Clock::time_point> ModelPool::Impl::NextIdle() const {
  std::optional<Clock::time_point> next;
  if (options.unload_after.count() == 0) return next;
  for (const Entry& entry : entries) {
    if (!entry.loaded() || entry.uses > 0 || !entry.what.unload_when_idle) continue;
    const Clock::time_point at = entry.last_used + options.unload_after;
    if (!next || at < *next) next = at;
  }
  return next;
}

ModelPool::ModelPool(ModelPoolOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}

ModelPool::~ModelPool() = default;

void ModelPool::Start(std::function<void(Result<void>)> on_loaded) {
  impl_->on_loaded = std::move(on_loaded);
  impl_->thread = std::thread([impl = impl_.get()] { impl->Run(); });
}

ModelPool::UseResult ModelPool::TryGet(const std::string& id) {
  const std::lock_guard lock(impl_->mutex);
  Entry* entry = impl_->Find(id);
  if (entry == nullptr) return Fail(ErrorCode::kNotFound, "there is no model '" + id + "' here");
  if (entry->info.state == ModelState::kFailed) return tl::unexpected(entry->failure);
  return entry->loaded() ? impl_->UseOf(*entry, true) : nullptr;
}

void ModelPool::Get(const std::string& id, std::function<void(UseResult)> ready) {
  UseResult use = TryGet(id);
  if (!use || *use != nullptr) return ready(std::move(use));
  {
    const std::lock_guard lock(impl_->mutex);
    Entry* entry = impl_->Find(id);
    entry->waiting.push_back(std::move(ready));
    if (!entry->queued) impl_->queue.push_back(entry);
    entry->queued = true;
  }
  impl_->changed.notify_all();
}

std::vector<ModelInfo> ModelPool::infos() const {
  std::vector<ModelInfo> infos;
  const std::lock_guard lock(impl_->mutex);
  for (const Entry& entry : impl_->entries) infos.push_back(entry.info);
  return infos;
}

std::vector<std::shared_ptr<ModelPool::Use>> ModelPool::loaded() {
  std::vector<std::shared_ptr<Use>> uses;
  const std::lock_guard lock(impl_->mutex);
  for (Entry& entry : impl_->entries) {
    if (entry.model) uses.push_back(impl_->UseOf(entry, false));
  }
  return uses;
}

uint64_t ModelPool::memory_used() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->Used();
}

uint64_t ModelPool::loads() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->loads;
}

}  // namespace dure::providers
