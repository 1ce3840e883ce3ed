#include "engine/scheduler.h"

#include <algorithm>
#include <iterator>
#include <span>

namespace dure::engine {
namespace {

bool ComesBefore(const Sequence& a, const Sequence& b) {
  return a.request.priority != b.request.priority ? a.request.priority > b.request.priority
                                                  : a.admission < b.admission;
}

/// Moves *it to its place in a list ordered by ComesBefore.
void Insert(SequenceList& to, SequenceList& from, SequenceList::iterator it) {
  const auto place = std::upper_bound(to.begin(), to.end(), *it, ComesBefore);
  to.splice(place, from, it);
}

void Extract(SequenceList& from, RequestId id, SequenceList& to) {
  const auto it = std::find_if(from.begin(), from.end(),
                               [id](const Sequence& sequence) { return sequence.id == id; });
  if (it != from.end()) to.splice(to.end(), from, it);
}

/// What may come from the cache: a row that needs logits is always computed.
std::span<const TokenId> Cacheable(const Sequence& sequence) {
  return std::span<const TokenId>(sequence.tokens)
      .first(static_cast<size_t>(sequence.first_logit_position()));
}

}  // namespace

Scheduler::Scheduler(const SchedulerLimits& limits)
    : limits_(limits), cache_(limits.total_blocks, limits.block_positions, limits.prefix_cache) {
  const auto most = static_cast<size_t>(limits.max_sequences);
  plan_.copies.reserve(most);
  plan_.runs.reserve(most);
  plan_.admitted.reserve(most);
}

void Scheduler::Add(SequenceList& arrival) { QueueOf(arrival.front()).Push(arrival); }

const Plan& Scheduler::PlanStep(const StepCost& cost) {
  plan_.copies.clear();
  plan_.runs.clear();
  plan_.admitted.clear();
  ++step_;
  GrowRunning();
  Admit();
  PlanRuns(cost);
  return plan_;
}

void Scheduler::Commit(Sequence& sequence, int computed) {
  sequence.computed = computed;
  cache_.Keep(sequence.request.tenant,
              std::span<const TokenId>(sequence.tokens).first(static_cast<size_t>(computed)),
              sequence.blocks, sequence.kept);
}

int Scheduler::queued() const {
  size_t count = preempted_.size();
  for (const TenantQueue& queue : waiting_) count += queue.size();
  return static_cast<int>(count);
}

TenantQueue& Scheduler::QueueOf(const Sequence& sequence) {
  return waiting_[kPriorities - 1 - static_cast<size_t>(sequence.request.priority)];
}

int Scheduler::BlocksFor(int positions) const {
  return (positions + limits_.block_positions - 1) / limits_.block_positions;
}

void Scheduler::FreeBlocks(Sequence& sequence) {
  const auto computed = static_cast<size_t>(sequence.computed);
  cache_.Release(sequence.request.tenant, std::span<const TokenId>(sequence.tokens).first(computed),
                 sequence.blocks, sequence.kept);
  sequence.computed = 0;
}

void Scheduler::GrowRunning() {
  for (Sequence& sequence : running_) {
    const int needed = BlocksFor(static_cast<int>(sequence.tokens.size()));
    while (static_cast<int>(sequence.blocks.size()) < needed) {
      if (const auto block = cache_.Allocate()) {
        sequence.blocks.push_back(*block);
        continue;
      }
      const bool itself = &running_.back() == &sequence;
      PreemptLast();
      if (itself) return;
    }
  }
}

void Scheduler::PreemptLast() {
  const auto last = std::prev(running_.end());
  FreeBlocks(*last);
  if (!last->answered()) last->cached_tokens = 0;
  ++preemptions_;
  Insert(preempted_, running_, last);
}

Sequence* Scheduler::NextCandidate() {
  Sequence* waiting = nullptr;
  for (size_t i = 0; i < waiting_.size() && waiting == nullptr; ++i) waiting = waiting_[i].Front();
  if (preempted_.empty()) return waiting;
  Sequence& preempted = preempted_.front();
  return waiting != nullptr && waiting->request.priority > preempted.request.priority ? waiting
                                                                                      : &preempted;
}

void Scheduler::Admit() {
  while (Sequence* candidate = NextCandidate()) {
    if (running() >= limits_.max_sequences && !FreeSlotFor(*candidate)) return;
    // Whoever is next waits for its blocks; nobody overtakes, or a long prompt would never get in.
    while (!TryAllocate(*candidate)) {
      if (running_.empty() || running_.back().request.priority >= candidate->request.priority) {
        return;
      }
      PreemptLast();
    }
    if (candidate->admission == 0) {
      candidate->admission = ++admissions_;
      plan_.admitted.push_back(candidate);
    }
    candidate->running_since = step_;
    if (!preempted_.empty() && candidate == &preempted_.front()) {
      Insert(running_, preempted_, preempted_.begin());
    } else {
      const auto place =
          std::upper_bound(running_.begin(), running_.end(), *candidate, ComesBefore);
      QueueOf(*candidate).Pop(running_, place);
    }
  }
}

bool Scheduler::FreeSlotFor(const Sequence& candidate) {
  if (running_.back().request.priority < candidate.request.priority) {
    PreemptLast();
    return true;
  }
  const bool preempted = !preempted_.empty() && &candidate == &preempted_.front();
  return !preempted && TakeTurn(candidate);
}

bool Scheduler::TakeTurn(const Sequence& candidate) {
  TenantQueue& queue = QueueOf(candidate);
  const int own = queue.Admitted(candidate);
  const int tenants = queue.AdmittedTenants() + (own == 0 ? 1 : 0);
  const int share = std::max(limits_.max_sequences / tenants, 1);
  if (own >= share) return false;
  auto victim = running_.end();
  for (auto it = running_.begin(); it != running_.end(); ++it) {
    if (it->request.priority != candidate.request.priority) continue;
    if (step_ - it->running_since < limits_.turn_steps) continue;
    // The youngest of those who have too much; where there are more tenants than places, whoever
    // has had its place for longest.
    if (queue.Admitted(*it) > share ||
        (own == 0 && (victim == running_.end() || it->running_since < victim->running_since))) {
      victim = it;
    }
  }
  if (victim == running_.end()) return false;
  FreeBlocks(*victim);
  queue.Return(running_, victim);
  ++preemptions_;
  return true;
}

bool Scheduler::TryAllocate(Sequence& sequence) {
  const auto cacheable = Cacheable(sequence);
  cache_.Adopt(sequence.request.tenant, cacheable, sequence.blocks, sequence.kept);
  const PrefixCache::Tail tail =
      cache_.FindTail(sequence.request.tenant, cacheable, sequence.blocks, sequence.kept);
  const int fresh = BlocksFor(static_cast<int>(sequence.tokens.size())) - sequence.kept;
  sequence.computed = sequence.kept * limits_.block_positions;
  // A block in reserve for everyone who runs: a newcomer that is preempted at the next step has
  // only cost time.
  if (cache_.available() < fresh + running()) {
    FreeBlocks(sequence);
    return false;
  }
  for (int i = 0; i < fresh; ++i) sequence.blocks.push_back(*cache_.Allocate());
  if (tail.positions > 0) {
    plan_.copies.push_back({tail.block, sequence.blocks[static_cast<size_t>(sequence.kept)]});
    sequence.computed += tail.positions;
  }
  if (!sequence.answered()) sequence.cached_tokens = sequence.computed;
  return true;
}

void Scheduler::Remove(RequestId id, SequenceList& removed) {
  const size_t before = removed.size();
  Extract(running_, id, removed);
  Extract(preempted_, id, removed);
  if (removed.size() > before) QueueOf(removed.back()).Leave(removed.back());
  for (TenantQueue& queue : waiting_) queue.Remove(id, removed);
  if (removed.size() > before) FreeBlocks(removed.back());
}

void Scheduler::RemoveAll(SequenceList& removed) {
  ForEach([this](Sequence& sequence) { FreeBlocks(sequence); });
  removed.splice(removed.end(), running_);
  removed.splice(removed.end(), preempted_);
  for (TenantQueue& queue : waiting_) queue.Clear(removed);
}

}  // namespace dure::engine
