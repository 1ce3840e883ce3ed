#include "engine/engine.h"

#include <chrono>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "base/memory.h"
#include "base/thread_team.h"
#include "engine/cache_size.h"
#include "engine/request_check.h"
#include "engine/scheduler.h"
#include "engine/step_runner.h"
#include "models/kv_storage.h"
#include "numerics/kernels.h"
#include "text/tokenizer.h"

namespace dure::engine {
namespace {

using Clock = std::chrono::steady_clock;

double Milliseconds(Clock::time_point from, Clock::time_point to) {
  // A stage that was never reached has no time stamp and took no time.
  if (from == Clock::time_point() || to == Clock::time_point()) return 0;
  return std::chrono::duration<double, std::milli>(to - from).count();
}

Result<void> CheckOptions(const EngineOptions& options) {
  if (options.max_sequences < 1 || options.max_queued < 0 || options.step_token_budget < 1) {
    return Fail(ErrorCode::kInvalidArgument,
                "max_sequences and step_token_budget must be 1 or more, max_queued 0 or more");
  }
  if (!(options.step_budget_ms > 0) || options.max_draft < 0 || options.max_speculating < 0) {
    return Fail(ErrorCode::kInvalidArgument,
                "step_budget_ms must be above 0, max_draft and max_speculating 0 or more");
  }
  return {};
}

Usage UsageOf(const Sequence& sequence) {
  Usage usage;
  usage.prompt_tokens = static_cast<int>(sequence.request.prompt.size());
  usage.cached_tokens = sequence.cached_tokens;
  usage.completion_tokens = sequence.delivered;
  const Clock::time_point admitted =
      sequence.admitted == Clock::time_point() ? Clock::now() : sequence.admitted;
  usage.queue_ms = Milliseconds(sequence.submitted, admitted);
  usage.prefill_ms = Milliseconds(sequence.admitted, sequence.first_token);
  usage.decode_ms = Milliseconds(sequence.first_token, sequence.last_token);
  return usage;
}

FinishEvent Reason(FinishReason reason) {
  FinishEvent event{};
  event.reason = reason;
  return event;
}

FinishEvent Failure(const Error& error) {
  FinishEvent event = Reason(FinishReason::kError);
  try {
    event.error = error;
  } catch (const std::bad_alloc&) {
    event.error = Error{ErrorCode::kResourceExhausted, kOutOfMemory};
  }
  return event;
}

Error InternalError(const std::exception& error) {
  try {
    return {ErrorCode::kInternal, error.what()};
  } catch (const std::bad_alloc&) {
    return {ErrorCode::kResourceExhausted, kOutOfMemory};
  }
}

FinishEvent OutOfMemory() { return Failure({ErrorCode::kResourceExhausted, kOutOfMemory}); }

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

struct Engine::Impl {
  Impl(std::unique_ptr<models::Model> model_in, std::shared_ptr<const text::Tokenizer> tokenizer_in,
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

  ~Impl() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    wake.notify_one();
    thread.join();
  }

  // Callers.
  SequenceList MakeSequence(GenerateRequest request, std::shared_ptr<Sink> sink) const;
  Result<RequestId> Enqueue(SequenceList arrival);

  // The scheduler thread.
  void Loop();
  bool TakeNews();
  void EndCancelled();
  void Step();
  void Deliver(RowResult& row);
  /// What became of the run's draft.
  void Learn(const PlannedRun& run);
  /// Takes the sequence out of the scheduler and finishes it. Unknown ids are ignored.
  void End(RequestId id, FinishEvent event);
  void Finish(Sequence& sequence, FinishEvent event);
  void Publish();

  const std::unique_ptr<models::Model> model;
  const std::shared_ptr<const text::Tokenizer> tokenizer;
  const std::unique_ptr<models::KvStorage> kv;
  const EngineOptions options;
  const int context_length;

  // The scheduler thread's own.
  Scheduler scheduler;
  StepRunner runner;
  uint64_t steps = 0;
  uint64_t tokens_generated = 0;
  StepCost cost;
  uint64_t drafted_tokens = 0;
  uint64_t accepted_tokens = 0;
  uint64_t prefix_hits = 0;
  uint64_t prefix_tokens = 0;
  SequenceList ended;  // during this step; its later rows may still point to them

  // Shared with the callers, under the mutex.
  mutable std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable cleared;
  bool stopping = false;
  bool any_cancelled = false;
  uint64_t clears_wanted = 0;
  uint64_t clears_done = 0;
  RequestId last_id = 0;
  std::map<RequestId, Sequence*> live;  // submitted and not finished
  SequenceList inbox;
  EngineStats stats;

  std::thread thread;
};

SequenceList Engine::Impl::MakeSequence(GenerateRequest request, std::shared_ptr<Sink> sink) const {
  SequenceList one;
  Sequence& sequence = one.emplace_back();
  sequence.tokens = request.prompt;
  if (!request.forced.empty()) {
    sequence.tokens.insert(sequence.tokens.end(), request.forced.begin(), request.forced.end() - 1);
  }
  sequence.answer.emplace(*tokenizer, request, context_length);
  const size_t longest = request.prompt.size() + static_cast<size_t>(sequence.answer->remaining());
  sequence.longest = static_cast<int>(longest);
  sequence.blocks.reserve(longest / models::kKvBlockPositions + 1);
  sequence.draft.reserve(static_cast<size_t>(options.max_draft));
  sequence.request = std::move(request);
  sequence.sink = std::move(sink);
  sequence.submitted = Clock::now();
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
    live.emplace(last_id + 1, &sequence);
    sequence.id = ++last_id;
    inbox.splice(inbox.end(), arrival);
    wake.notify_one();
    return sequence.id;
  }
}

void Engine::Impl::Loop() {
  SetFloatingPointEnvironment();
  while (TakeNews()) {
    if (scheduler.has_work()) Step();
    ended.clear();
    Publish();
  }
  ended.clear();
  // Later callers are refused because of `stopping`, so these are all.
  scheduler.RemoveAll(ended);
  for (Sequence& sequence : ended) Finish(sequence, Reason(FinishReason::kCancelled));
  ended.clear();
}

/// Waits for work; false when the engine is to end.
bool Engine::Impl::TakeNews() {
  SequenceList arrivals;
  bool stop = false;
  bool cancellations = false;
  uint64_t clears = 0;
  {
    std::unique_lock lock(mutex);
    wake.wait(lock, [this] {
      return stopping || !inbox.empty() || any_cancelled || clears_wanted > clears_done ||
             scheduler.has_work();
    });
    arrivals.splice(arrivals.end(), inbox);
    cancellations = std::exchange(any_cancelled, false);
    stop = stopping;
    clears = clears_wanted;
  }
  while (!arrivals.empty()) {
    SequenceList one;
    one.splice(one.end(), arrivals, arrivals.begin());
    try {
      scheduler.Add(one);
    } catch (const std::bad_alloc&) {
      Finish(one.front(), OutOfMemory());
    }
  }
  if (cancellations) EndCancelled();
  if (clears > clears_done) {
    scheduler.ClearCache();
    Publish();
    const std::lock_guard lock(mutex);
    clears_done = clears;
    cleared.notify_all();
  }
  return !stop;
}

void Engine::Impl::EndCancelled() {
  for (;;) {
    const Sequence* found = nullptr;
    scheduler.ForEach([&](const Sequence& sequence) {
      if (sequence.cancelled) found = &sequence;
    });
    if (found == nullptr) return;
    End(found->id, Reason(FinishReason::kCancelled));
  }
}

void Engine::Impl::Step() {
  const Plan& plan = scheduler.PlanStep(cost);
  const Clock::time_point now = Clock::now();
  for (Sequence* sequence : plan.admitted) sequence->admitted = now;
  const auto results = runner.Run(plan);
  ++steps;
  if (!results) {
    for (const PlannedRun& run : plan.runs) End(run.sequence->id, Failure(results.error()));
    return;
  }
  cost.Observe(plan.decode_rows, plan.prompt_rows, Milliseconds(now, Clock::now()));
  for (const PlannedRun& run : plan.runs) {
    // Draft tokens count as computed when they turn out right.
    const int sure = run.count - static_cast<int>(run.sequence->draft.size());
    scheduler.Commit(*run.sequence, run.first + sure);
  }
  for (RowResult& row : *results) Deliver(row);
  for (const PlannedRun& run : plan.runs) Learn(run);
}

void Engine::Impl::Learn(const PlannedRun& run) {
  Sequence& sequence = *run.sequence;
  const auto drafted = static_cast<int>(sequence.draft.size());
  if (drafted == 0) return;
  sequence.draft_record.Record(drafted, sequence.draft_accepted);
  drafted_tokens += static_cast<uint64_t>(drafted);
  accepted_tokens += static_cast<uint64_t>(sequence.draft_accepted);
}

void Engine::Impl::Deliver(RowResult& row) {
  Sequence& sequence = *row.sequence;
  if (sequence.finished) return;                  // by an earlier row of this step
  if (row.position >= sequence.computed) return;  // a draft token before it was wrong
  if (!row.sample) return End(sequence.id, Failure(row.sample.error()));

  sequence.last_token = Clock::now();
  if (sequence.delivered == 0) sequence.first_token = sequence.last_token;
  ++sequence.delivered;
  ++tokens_generated;
  TokenEvent event;
  event.id = row.sample->id;
  event.logprob = row.sample->logprob;
  event.top = std::move(row.sample->top);
  std::optional<Answer::End> end;
  try {
    if (sequence.request.forced.empty()) sequence.tokens.push_back(event.id);
    end = sequence.answer->Push(event.id, event.text);
    sequence.sink->OnToken(event);
  } catch (const std::bad_alloc&) {
    return End(sequence.id, OutOfMemory());
  } catch (const std::exception& error) {
    return End(sequence.id, Failure(InternalError(error)));
  }
  if (!end) {
    const auto next = static_cast<size_t>(sequence.draft_accepted);
    if (next < sequence.draft.size() && sequence.draft[next] == event.id) {
      ++sequence.draft_accepted;
      scheduler.Commit(sequence, sequence.computed + 1);
    }
    return;
  }
  FinishEvent finish = Reason(end->reason);
  finish.text = std::move(end->text);
  finish.stop_match = std::move(end->stop_match);
  finish.stop_token = end->stop_token;
  End(sequence.id, std::move(finish));
}

void Engine::Impl::End(RequestId id, FinishEvent event) {
  const size_t before = ended.size();
  scheduler.Remove(id, ended);
  if (ended.size() == before) return;
  Publish();  // whoever is told of the end sees the blocks free
  Finish(ended.back(), std::move(event));
}

void Engine::Impl::Finish(Sequence& sequence, FinishEvent event) {
  sequence.finished = true;
  {
    const std::lock_guard lock(mutex);
    live.erase(sequence.id);
  }
  event.usage = UsageOf(sequence);
  if (sequence.cached_tokens > 0) ++prefix_hits;
  prefix_tokens += static_cast<uint64_t>(sequence.cached_tokens);
  try {
    if (event.reason == FinishReason::kCancelled || event.reason == FinishReason::kError) {
      event.text = sequence.answer->Flush();
    }
  } catch (const std::bad_alloc&) {
    // The end itself matters more than the last characters.
  }
  try {
    sequence.sink->OnFinish(event);
  } catch (const std::exception&) {
    // The sequence is over either way; what its sink could not do is the sink's own to report.
  }
}

void Engine::Impl::Publish() {
  const std::lock_guard lock(mutex);
  stats.running = scheduler.running();
  stats.queued = scheduler.queued();
  stats.blocks_used = scheduler.cache().used();
  stats.blocks_cached = scheduler.cache().unused();
  stats.steps = steps;
  stats.tokens_generated = tokens_generated;
  stats.preemptions = scheduler.preemptions();
  stats.drafted_tokens = drafted_tokens;
  stats.accepted_tokens = accepted_tokens;
  stats.prefix_hits = prefix_hits;
  stats.prefix_tokens = prefix_tokens;
  stats.prefix_evictions = scheduler.cache().evictions();
}

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::Create(std::unique_ptr<models::Model> model,
                                               std::shared_ptr<const text::Tokenizer> tokenizer,
                                               const EngineOptions& options) {
  if (auto ok = CheckOptions(options); !ok) return tl::unexpected(ok.error());
  const models::ModelConfig& config = model->config();
  const auto size =
      ChooseCacheSize(options, config.context_length,
                      models::KvStorage::BlockBytes(config, options.kv_type), AvailableMemory());
  if (!size) return tl::unexpected(size.error());
  const numerics::KernelChoice choice = numerics::ChooseKernels();
  if (choice.error != nullptr) return Fail(ErrorCode::kUnsupported, choice.error);
  auto kv = models::KvStorage::Create(config, size->blocks, options.kv_type);
  if (!kv) return tl::unexpected(kv.error());
  try {
    return std::unique_ptr<Engine>(new Engine(std::make_unique<Impl>(
        std::move(model), std::move(tokenizer), std::move(*kv), *choice.kernels, options, *size)));
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

EngineStats Engine::stats() const {
  const std::lock_guard lock(impl_->mutex);
  EngineStats stats = impl_->stats;
  stats.queued += static_cast<int>(impl_->inbox.size());
  return stats;
}

}  // namespace dure::engine
