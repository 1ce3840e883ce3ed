// The engine's inside: what its callers and its scheduler thread share. Private to engine/.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "engine/cache_size.h"
#include "engine/engine.h"
#include "engine/scheduler.h"
#include "engine/step_cost.h"
#include "engine/step_runner.h"
#include "models/kv_storage.h"
#include "numerics/kernels.h"
#include "text/tokenizer.h"

namespace dure::engine {

struct Engine::Impl {
  Impl(std::unique_ptr<models::Model> model_in, std::shared_ptr<const text::Tokenizer> tokenizer_in,
       std::unique_ptr<models::KvStorage> kv_in, const numerics::Kernels& kernels,
       const EngineOptions& options_in, const CacheSize& size);
  static Result<std::unique_ptr<Engine>> Create(std::unique_ptr<models::Model> model,
                                                std::shared_ptr<const text::Tokenizer> tokenizer,
                                                const EngineOptions& options);
  /// Ends the thread; every sink has had its OnFinish then.
  ~Impl();

  // Callers.
  SequenceList MakeSequence(GenerateRequest request, std::shared_ptr<Sink> sink) const;
  Result<RequestId> Enqueue(SequenceList arrival);

  // The scheduler thread.
  void Loop();
  bool TakeNews();
  void EndCancelled();
  void EndOverdue();
  void Step();
  /// Notes the time for those that run from now on.
  void Start(std::span<Sequence* const> admitted, std::chrono::steady_clock::time_point now);
  void Deliver(RowResult& row);
  /// Hands out what the request continues; false when the answer ends with it.
  bool Replay(Sequence& sequence);
  /// What became of the run's draft.
  void Learn(const PlannedRun& run);
  /// Takes the sequence out of the scheduler and finishes it. Unknown ids are ignored.
  void End(RequestId id, FinishEvent event);
  void Finish(Sequence& sequence, FinishEvent event);
  double WaitMs() const;
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
  double service_ms = 0;  // from start to end, of one request: a running mean
  std::chrono::steady_clock::time_point next_deadline =
      std::chrono::steady_clock::time_point::max();
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
  int64_t queued_prompt_tokens = 0;
  std::map<RequestId, Sequence*> live;  // submitted and not finished
  SequenceList inbox;
  EngineStats stats;

  std::thread thread;
};

}  // namespace dure::engine
