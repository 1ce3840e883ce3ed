// The scheduler thread: takes what came, forms a step, computes it and hands out the results.
#include <algorithm>
#include <chrono>
#include <exception>
#include <new>
#include <utility>

#include "base/thread_team.h"
#include "engine/engine_impl.h"

namespace dure::engine {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kNewestService = 0.1;  // weight of the latest request in the mean

double Milliseconds(Clock::time_point from, Clock::time_point to) {
  // A stage that was never reached has no time stamp and took no time.
  if (from == Clock::time_point() || to == Clock::time_point()) return 0;
  return std::chrono::duration<double, std::milli>(to - from).count();
}

Usage UsageOf(const Sequence& sequence) {
  Usage usage;
  usage.prompt_tokens = static_cast<int>(sequence.request.prompt.size());
  usage.cached_tokens = std::min(usage.prompt_tokens, sequence.cached_tokens);
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

FinishEvent EndEvent(Answer::End end) {
  FinishEvent event = Reason(end.reason);
  event.text = std::move(end.text);
  event.stop_match = std::move(end.stop_match);
  event.stop_token = end.stop_token;
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

Error MakeError(ErrorCode code, const char* message) {
  try {
    return {code, message};
  } catch (const std::bad_alloc&) {
    return {ErrorCode::kResourceExhausted, kOutOfMemory};
  }
}

std::optional<Error> Overdue(const Sequence& sequence, Clock::time_point now) {
  if (sequence.request.deadline && now >= *sequence.request.deadline) {
    return MakeError(ErrorCode::kUnavailable, "the request's deadline has passed");
  }
  const auto& start = sequence.request.queue_deadline;
  if (start && sequence.admission == 0 && now >= *start) {
    return MakeError(ErrorCode::kUnavailable,
                     "the request waited for its start longer than it may; try again later");
  }
  return std::nullopt;
}

/// When Overdue has to be asked again.
Clock::time_point NextDeadline(const Sequence& sequence) {
  Clock::time_point next = sequence.request.deadline.value_or(Clock::time_point::max());
  if (sequence.admission > 0) return next;
  return std::min(next, sequence.request.queue_deadline.value_or(Clock::time_point::max()));
}

FinishEvent OutOfMemory() { return Failure({ErrorCode::kResourceExhausted, kOutOfMemory}); }

}  // namespace

void Engine::Impl::Loop() {
  SetFloatingPointEnvironment();
  while (TakeNews()) {
    if (Clock::now() >= next_deadline) EndOverdue();
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
    next_deadline = std::min(next_deadline, NextDeadline(one.front()));
    try {
      if (!Replay(one.front())) continue;
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

void Engine::Impl::EndOverdue() {
  const Clock::time_point now = Clock::now();
  for (;;) {
    next_deadline = Clock::time_point::max();
    const Sequence* overdue = nullptr;
    std::optional<Error> why;
    scheduler.ForEach([&](const Sequence& sequence) {
      next_deadline = std::min(next_deadline, NextDeadline(sequence));
      if (overdue != nullptr) return;
      why = Overdue(sequence, now);
      if (why) overdue = &sequence;
    });
    if (overdue == nullptr) return;
    End(overdue->id, Failure(*why));
  }
}

void Engine::Impl::Start(std::span<Sequence* const> admitted, Clock::time_point now) {
  if (admitted.empty()) return;
  int64_t prompt_tokens = 0;
  for (Sequence* sequence : admitted) {
    sequence->admitted = now;
    prompt_tokens += static_cast<int64_t>(sequence->request.prompt.size());
  }
  const std::lock_guard lock(mutex);
  queued_prompt_tokens -= prompt_tokens;
}

void Engine::Impl::Step() {
  const Plan& plan = scheduler.PlanStep(cost);
  const Clock::time_point now = Clock::now();
  Start(plan.admitted, now);
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
  if (drafted == 0 || sequence.draft_expected) return;
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
  if (!sequence.answered()) sequence.first_token = sequence.last_token;
  ++sequence.delivered;
  ++tokens_generated;
  TokenEvent event;
  event.id = row.sample->id;
  event.logprob = row.sample->logprob;
  event.top = std::move(row.sample->top);
  std::optional<Answer::End> end;
  try {
    if (sequence.request.forced.empty()) sequence.tokens.push_back(event.id);
    const std::vector<TokenId>& expected = sequence.request.expected;
    const auto index = static_cast<size_t>(sequence.delivered) - 1;
    sequence.as_expected &= index < expected.size() && expected[index] == event.id;
    end = sequence.answer->Push(event.id, event.text);
    sequence.sink->OnToken(event);
  } catch (const std::bad_alloc&) {
    return End(sequence.id, OutOfMemory());
  } catch (const std::exception& error) {
    return End(sequence.id, Failure(MakeError(ErrorCode::kInternal, error.what())));
  }
  if (!end) {
    const auto next = static_cast<size_t>(sequence.draft_accepted);
    if (next < sequence.draft.size() && sequence.draft[next] == event.id) {
      ++sequence.draft_accepted;
      scheduler.Commit(sequence, sequence.computed + 1);
    }
    return;
  }
  End(sequence.id, EndEvent(std::move(*end)));
}

bool Engine::Impl::Replay(Sequence& sequence) {
  for (const TokenId id : sequence.request.continued) {
    TokenEvent event;
    event.id = id;
    ++sequence.delivered;
    std::optional<Answer::End> end;
    try {
      end = sequence.answer->Push(id, event.text);
      sequence.sink->OnToken(event);
    } catch (const std::bad_alloc&) {
      Finish(sequence, OutOfMemory());
      return false;
    } catch (const std::exception& error) {
      Finish(sequence, Failure(MakeError(ErrorCode::kInternal, error.what())));
      return false;
    }
    if (!end) continue;
    Finish(sequence, EndEvent(std::move(*end)));
    return false;
  }
  return true;
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
    if (sequence.admission == 0) {
      queued_prompt_tokens -= static_cast<int64_t>(sequence.request.prompt.size());
    }
  }
  if (sequence.admission > 0) {
    const double ms = Milliseconds(sequence.admitted, Clock::now());
    service_ms += (service_ms == 0 ? 1 : kNewestService) * (ms - service_ms);
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

/// The prompts before it, and where all places are taken, its turn at one. Called with the mutex.
double Engine::Impl::WaitMs() const {
  double ms = static_cast<double>(queued_prompt_tokens) * cost.PromptRowMs();
  const int places = options.max_sequences;
  if (scheduler.running() >= places) ms += service_ms * (scheduler.queued() + 1) / places;
  return ms;
}

void Engine::Impl::Publish() {
  const std::lock_guard lock(mutex);
  stats.running = scheduler.running();
  stats.queued = scheduler.queued();
  stats.queued_prompt_tokens = queued_prompt_tokens;
  stats.wait_ms = WaitMs();
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

}  // namespace dure::engine
