#include "engine/engine.h"

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <string>
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
  if (options.max_sequences < 1 || options.max_queued < 0 || options.step_token_budget < 1 ||
      options.prompt_rows_beside_decode < 1) {
    return Fail(ErrorCode::kInvalidArgument,
                "max_sequences, step_token_budget and prompt_rows_beside_decode must be 1 or "
                "more, max_queued 0 or more");
  }
  return {};
}

Usage UsageOf(const Sequence& sequence) {
  Usage usage;
  usage.prompt_tokens = static_cast<int>(sequence.request.prompt.size());
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
  event.error = error;
  return event;
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
        scheduler({options.max_sequences, options.step_token_budget,
                   options.prompt_rows_beside_decode, models::kKvBlockPositions, size.blocks}),
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

  void Loop();
  void Step();
  void Deliver(RowResult& row);
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
  std::vector<std::unique_ptr<Sequence>>
      ended;  // during this step; its later rows may still point to them

  // Shared with the callers, under the mutex.
  mutable std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;
  RequestId last_id = 0;
  int live = 0;  // submitted and not finished
  std::vector<std::unique_ptr<Sequence>> inbox;
  std::vector<RequestId> cancelled;
  EngineStats stats;

  std::thread thread;
};

void Engine::Impl::Loop() {
  SetFloatingPointEnvironment();
  for (;;) {
    std::vector<std::unique_ptr<Sequence>> arrivals;
    std::vector<RequestId> cancellations;
    bool stop = false;
    {
      std::unique_lock lock(mutex);
      wake.wait(lock, [this] {
        return stopping || !inbox.empty() || !cancelled.empty() || scheduler.has_work();
      });
      arrivals.swap(inbox);
      cancellations.swap(cancelled);
      stop = stopping;
    }
    for (auto& sequence : arrivals) scheduler.Add(std::move(sequence));
    if (stop) break;
    for (const RequestId id : cancellations) End(id, Reason(FinishReason::kCancelled));
    if (scheduler.has_work()) Step();
    ended.clear();
    Publish();
  }
  // Later callers are refused because of `stopping`, so these are all.
  for (auto& sequence : scheduler.RemoveAll()) {
    Finish(*sequence, Reason(FinishReason::kCancelled));
  }
}

void Engine::Impl::Step() {
  const Plan plan = scheduler.PlanStep();
  const Clock::time_point now = Clock::now();
  for (Sequence* sequence : plan.admitted) sequence->admitted = now;
  Result<std::vector<RowResult>> results = Fail(ErrorCode::kInternal, "not computed");
  try {
    results = runner.Run(plan);
  } catch (const std::bad_alloc&) {
    results = Fail(ErrorCode::kResourceExhausted, "out of memory for one step");
  }
  ++steps;
  if (!results) {
    for (const PlannedRun& run : plan.runs) End(run.sequence->id, Failure(results.error()));
    return;
  }
  for (const PlannedRun& run : plan.runs) run.sequence->computed += run.count;
  for (RowResult& row : *results) Deliver(row);
}

void Engine::Impl::Deliver(RowResult& row) {
  Sequence& sequence = *row.sequence;
  if (sequence.finished) return;  // an earlier forced token of it failed
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
  } catch (const std::exception& error) {
    return End(sequence.id, Failure({ErrorCode::kInternal, error.what()}));
  }
  if (!end) return;
  FinishEvent finish = Reason(end->reason);
  finish.text = std::move(end->text);
  finish.stop_match = std::move(end->stop_match);
  finish.stop_token = end->stop_token;
  End(sequence.id, std::move(finish));
}

void Engine::Impl::End(RequestId id, FinishEvent event) {
  std::unique_ptr<Sequence> sequence = scheduler.Remove(id);
  if (sequence == nullptr) return;
  Publish();  // whoever is told of the end sees the blocks free
  Finish(*sequence, std::move(event));
  ended.push_back(std::move(sequence));
}

void Engine::Impl::Finish(Sequence& sequence, FinishEvent event) {
  sequence.finished = true;
  {
    const std::lock_guard lock(mutex);
    --live;
  }
  event.usage = UsageOf(sequence);
  try {
    if (event.reason == FinishReason::kCancelled || event.reason == FinishReason::kError) {
      event.text = sequence.answer->Flush();
    }
    sequence.sink->OnFinish(event);
  } catch (const std::exception&) {
    // The sequence is over either way; what its sink could not do is the sink's own to report.
  }
}

void Engine::Impl::Publish() {
  const std::lock_guard lock(mutex);
  stats.running = scheduler.running();
  stats.queued = scheduler.queued();
  stats.blocks_used = scheduler.blocks_used();
  stats.steps = steps;
  stats.tokens_generated = tokens_generated;
  stats.preemptions = scheduler.preemptions();
}

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::Create(std::unique_ptr<models::Model> model,
                                               std::shared_ptr<const text::Tokenizer> tokenizer,
                                               const EngineOptions& options) {
  if (auto ok = CheckOptions(options); !ok) return tl::unexpected(ok.error());
  const models::ModelConfig& config = model->config();
  const auto size = ChooseCacheSize(options, config.context_length,
                                    models::KvStorage::BlockBytes(config), AvailableMemory());
  if (!size) return tl::unexpected(size.error());
  const numerics::KernelChoice choice = numerics::ChooseKernels();
  if (choice.error != nullptr) return Fail(ErrorCode::kUnsupported, choice.error);
  auto kv = models::KvStorage::Create(config, size->blocks);
  if (!kv) return tl::unexpected(kv.error());
  return std::unique_ptr<Engine>(new Engine(std::make_unique<Impl>(
      std::move(model), std::move(tokenizer), std::move(*kv), *choice.kernels, options, *size)));
}

Result<RequestId> Engine::Submit(GenerateRequest request, std::shared_ptr<Sink> sink) {
  auto ok =
      CheckRequest(request, impl_->options.request_limits, config().vocab_size, context_length());
  if (!ok) return tl::unexpected(ok.error());
  auto sequence = std::make_unique<Sequence>();
  sequence->tokens = request.prompt;
  if (!request.forced.empty()) {
    sequence->tokens.insert(sequence->tokens.end(), request.forced.begin(),
                            request.forced.end() - 1);
  }
  sequence->answer.emplace(*impl_->tokenizer, request, context_length());
  sequence->request = std::move(request);
  sequence->sink = std::move(sink);
  sequence->submitted = Clock::now();
  RequestId id = 0;
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->stopping) return Fail(ErrorCode::kUnavailable, "the engine is shutting down");
    if (impl_->live >= impl_->options.max_sequences + impl_->options.max_queued) {
      return Fail(ErrorCode::kUnavailable, std::to_string(impl_->live) +
                                               " requests are running or waiting; try again later");
    }
    id = sequence->id = ++impl_->last_id;
    ++impl_->live;
    impl_->inbox.push_back(std::move(sequence));
  }
  impl_->wake.notify_one();
  return id;
}

void Engine::Cancel(RequestId id) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->cancelled.push_back(id);
  }
  impl_->wake.notify_one();
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
