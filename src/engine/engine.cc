#include "engine/engine.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <string>
#include <system_error>
#include <utility>

#include "base/memory.h"
#include "engine/engine_impl.h"
#include "engine/request_check.h"

namespace dure::engine {
namespace {

Result<void> CheckOptions(const EngineOptions& options) {
  if (options.max_sequences < 1 || options.max_queued < 0 || options.step_token_budget < 1) {
    return Fail(ErrorCode::kInvalidArgument,
                "max_sequences and step_token_budget must be 1 or more, max_queued 0 or more");
  }
  if (options.max_queued_prompt_tokens < 0) {
    return Fail(ErrorCode::kInvalidArgument, "max_queued_prompt_tokens must be 0 or more");
  }
  if (!(options.step_budget_ms > 0) || options.max_draft < 0 || options.max_speculating < 0) {
    return Fail(ErrorCode::kInvalidArgument,
                "step_budget_ms must be above 0, max_draft and max_speculating 0 or more");
  }
  return {};
}

SchedulerLimits LimitsOf(const EngineOptions& options, const CacheSize& size) {
  SchedulerLimits limits;
  limits.max_sequences = options.max_sequences;
  limits.step_token_budget = options.step_token_budget;
  limits.step_budget_ms = options.step_budget_ms;
  limits.max_draft = options.speculation == Speculation::kOff ? 0 : options.max_draft;
  limits.max_speculating = options.max_speculating;
  limits.block_positions = models::kKvBlockPositions;
  limits.total_blocks = size.blocks;
  limits.prefix_cache = options.prefix_cache;
  return limits;
}

}  // namespace

Engine::Impl::Impl(std::unique_ptr<models::Model> model_in,
                   std::shared_ptr<const text::Tokenizer> tokenizer_in,
                   std::unique_ptr<models::KvStorage> kv_in, const numerics::Kernels& kernels,
                   const EngineOptions& options_in, const CacheSize& size)
    : model(std::move(model_in)),
      tokenizer(std::move(tokenizer_in)),
      kv(std::move(kv_in)),
      options(options_in),
      context_length(size.context_length),
      scheduler(LimitsOf(options_in, size)),
      runner(*model, *kv, kernels, options.team) {
  stats.blocks_total = size.blocks;
  thread = std::thread([this] { Loop(); });
}

Engine::Impl::~Impl() {
  {
    const std::lock_guard lock(mutex);
    stopping = true;
  }
  wake.notify_one();
  thread.join();
}

SequenceList Engine::Impl::MakeSequence(GenerateRequest request, std::shared_ptr<Sink> sink) const {
  SequenceList one;
  Sequence& sequence = one.emplace_back();
  sequence.tokens = request.prompt;
  if (!request.forced.empty()) {
    sequence.tokens.insert(sequence.tokens.end(), request.forced.begin(), request.forced.end() - 1);
  }
  sequence.tokens.insert(sequence.tokens.end(), request.continued.begin(), request.continued.end());
  sequence.answer.emplace(*tokenizer, request, context_length);
  const size_t longest = request.prompt.size() + static_cast<size_t>(sequence.answer->remaining());
  sequence.longest = static_cast<int>(longest);
  sequence.blocks.reserve(longest / models::kKvBlockPositions + 1);
  const int most_expected = request.expected.empty() ? 0 : kMostExpectedRows;
  sequence.draft.reserve(static_cast<size_t>(std::max(options.max_draft, most_expected)));
  sequence.request = std::move(request);
  sequence.sink = std::move(sink);
  sequence.submitted = std::chrono::steady_clock::now();
  return one;
}

Result<RequestId> Engine::Impl::Enqueue(SequenceList arrival) {
  Sequence& sequence = arrival.front();
  {
    const std::lock_guard lock(mutex);
    if (stopping) return Fail(ErrorCode::kUnavailable, "the engine is shutting down");
    const auto most = static_cast<size_t>(options.max_sequences + options.max_queued);
    if (live.size() >= most) {
      return Fail(ErrorCode::kUnavailable, std::to_string(live.size()) +
                                               " requests are running or waiting; try again later");
    }
    const auto prompt = static_cast<int64_t>(sequence.request.prompt.size());
    if (queued_prompt_tokens > 0 &&
        queued_prompt_tokens + prompt > options.max_queued_prompt_tokens) {
      return Fail(ErrorCode::kUnavailable, "prompts of " + std::to_string(queued_prompt_tokens) +
                                               " tokens are waiting; try again later");
    }
    live.emplace(last_id + 1, &sequence);
    queued_prompt_tokens += prompt;
    sequence.id = ++last_id;
    inbox.splice(inbox.end(), arrival);
    wake.notify_one();
    return sequence.id;
  }
}

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::Impl::Create(
    std::unique_ptr<models::Model> model, std::shared_ptr<const text::Tokenizer> tokenizer,
    const EngineOptions& options) {
  if (auto ok = CheckOptions(options); !ok) return tl::unexpected(ok.error());
  const models::ModelConfig& config = model->config();
  const auto size =
      ChooseCacheSize(options, config.context_length,
                      models::KvStorage::BlockBytes(config, options.kv_type), AvailableMemory());
  if (!size) return tl::unexpected(size.error());
  const numerics::Kernels* kernels = options.kernels;
  if (kernels == nullptr) {
    const numerics::KernelChoice choice = numerics::ChooseKernels();
    if (choice.error != nullptr) return Fail(ErrorCode::kUnsupported, choice.error);
    kernels = choice.kernels;
  }
  auto kv = models::KvStorage::Create(config, size->blocks, options.kv_type);
  if (!kv) return tl::unexpected(kv.error());
  return std::unique_ptr<Engine>(new Engine(std::make_unique<Impl>(
      std::move(model), std::move(tokenizer), std::move(*kv), *kernels, options, *size)));
}

Result<std::unique_ptr<Engine>> Engine::Create(std::unique_ptr<models::Model> model,
                                               std::shared_ptr<const text::Tokenizer> tokenizer,
                                               const EngineOptions& options) {
  try {
    return Impl::Create(std::move(model), std::move(tokenizer), options);
  } catch (const std::bad_alloc&) {
    return Fail(ErrorCode::kResourceExhausted, kOutOfMemory);
  } catch (const std::system_error& error) {
    return Fail(ErrorCode::kResourceExhausted,
                std::string("the engine's thread could not be started: ") + error.what());
  }
}

Result<RequestId> Engine::Submit(GenerateRequest request, std::shared_ptr<Sink> sink) {
  try {
    auto ok =
        CheckRequest(request, impl_->options.request_limits, config().vocab_size, context_length());
    if (!ok) return tl::unexpected(ok.error());
    return impl_->Enqueue(impl_->MakeSequence(std::move(request), std::move(sink)));
  } catch (const std::bad_alloc&) {
    return Fail(ErrorCode::kResourceExhausted, kOutOfMemory);
  }
}

void Engine::Cancel(RequestId id) {
  {
    const std::lock_guard lock(impl_->mutex);
    const auto found = impl_->live.find(id);
    if (found == impl_->live.end()) return;
    found->second->cancelled = true;
    impl_->any_cancelled = true;
  }
  impl_->wake.notify_one();
}

void Engine::ClearCache() {
  std::unique_lock lock(impl_->mutex);
  const uint64_t wanted = ++impl_->clears_wanted;
  impl_->wake.notify_one();
  impl_->cleared.wait(lock, [&] { return impl_->clears_done >= wanted; });
}

const models::ModelConfig& Engine::config() const { return impl_->model->config(); }

int Engine::context_length() const { return impl_->context_length; }

MemoryRegion Engine::cache_memory() const { return impl_->kv->memory(); }

EngineStats Engine::stats() const {
  const std::lock_guard lock(impl_->mutex);
  EngineStats stats = impl_->stats;
  stats.queued += static_cast<int>(impl_->inbox.size());
  stats.queued_prompt_tokens = impl_->queued_prompt_tokens;
  return stats;
}

}  // namespace dure::engine
