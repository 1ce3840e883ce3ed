// Decides what the next step computes: who is admitted, who has to give up its blocks, and how many
// rows of each sequence go in. Pure policy: no threads, no clock, no model.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "engine/prefix_cache.h"
#include "engine/sequence.h"
#include "engine/tenant_queue.h"

namespace dure::engine {

inline constexpr int kMostExpectedRows = 64;

struct SchedulerLimits {
  int max_sequences = 64;
  int step_token_budget = 512;
  double step_budget_ms = 60;    // of a step in which sequences decode
  int untimed_prompt_rows = 64;  // prompt rows of such a step before its cost is known
  int least_prompt_rows = 16;    // however long it takes: prompts move
  int block_positions = 32;
  int total_blocks = 0;
  // Rows of one step, decode rows aside, that may need logits (teacher forcing): bounds the logits
  // buffer.
  int max_forced_logit_rows = 32;
  bool prefix_cache = true;
  int max_draft = 0;  // 0: no speculation
  int max_speculating = 4;
  // Expected tokens in one step: bounds the logits buffer, too.
  int max_expected_rows = kMostExpectedRows;
  // Steps that a sequence runs at least before it makes room for a tenant that has fewer.
  uint64_t turn_steps = 128;
};

/// Rows [first, first + count) of one sequence's positions; the last ones are those of its draft.
struct PlannedRun {
  Sequence* sequence;  // owned by the scheduler, alive until it is removed
  int first;
  int count;
  int first_logit;  // positions from here to the end of the run need logits; first + count: none
};

/// Keys and values of one whole block, copied to another.
struct BlockCopy {
  int32_t from;
  int32_t to;
};

struct Plan {
  std::vector<BlockCopy> copies;  // to be done before the runs, in this order
  std::vector<PlannedRun> runs;
  std::vector<Sequence*> admitted;  // for the first time
  int decode_rows = 0;              // drafts included
  int prompt_rows = 0;
};

/// Used by one thread. A sequence longer than total_blocks * block_positions must not be added.
/// What a sequence needs is allocated before it is added (the capacity of its vectors); nothing but
/// Add allocates memory.
class Scheduler {
 public:
  explicit Scheduler(const SchedulerLimits& limits);

  /// Takes the one sequence of `arrival`. Errors: std::bad_alloc, then it is still there.
  void Add(SequenceList& arrival);
  void Add(SequenceList&& arrival) { Add(arrival); }

  /// Preempts, admits and plans one step. Every decoding sequence has one row in it, and those of
  /// its draft; prompt chunks share what is left of the budget (always at least one row, so that
  /// prompts move however many decode). All blocks that the step writes are allocated. The caller
  /// computes the runs, calls Commit for each and then adds to their `tokens`. Good until the next
  /// call.
  const Plan& PlanStep(const StepCost& cost = {});

  /// The first `computed` tokens of the sequence now have their keys and values in its blocks;
  /// whole blocks can be shared from now on.
  void Commit(Sequence& sequence, int computed);

  /// Moves a sequence to `removed`, wherever it is, and frees its blocks. Unknown ids are ignored.
  void Remove(RequestId id, SequenceList& removed);
  void RemoveAll(SequenceList& removed);
  /// Calls visit(Sequence&) for all, running or not.
  template <typename Visit>
  void ForEach(Visit visit) {
    for (Sequence& sequence : running_) visit(sequence);
    for (Sequence& sequence : preempted_) visit(sequence);
    for (TenantQueue& queue : waiting_) queue.ForEach(visit);
  }

  bool has_work() const { return running() + queued() > 0; }
  int running() const { return static_cast<int>(running_.size()); }
  int queued() const;
  uint64_t preemptions() const { return preemptions_; }
  const PrefixCache& cache() const { return cache_; }
  void ClearCache() { cache_.Clear(); }

 private:
  int BlocksFor(int positions) const;
  TenantQueue& QueueOf(const Sequence& sequence);
  void FreeBlocks(Sequence& sequence);
  /// Makes room for the next token of every running sequence, the most important and oldest first;
  /// the others give way.
  void GrowRunning();
  /// The last of the running ones: the least important, of those the youngest.
  void PreemptLast();
  void Admit();
  Sequence* NextCandidate();
  bool FreeSlotFor(const Sequence& candidate);
  /// Somebody of a tenant that has more than its share of the running sequences makes room.
  bool TakeTurn(const Sequence& candidate);
  bool TryAllocate(Sequence& sequence);

  void PlanRuns(const StepCost& cost);
  int PromptRows(int decoding, const StepCost& cost) const;
  /// What requests expect of their answers, as drafts in a step where so many decode; how many
  /// rows.
  int AddExpected(int decoding, const StepCost& cost);
  /// Guesses for the other sequences that decode, in a step of so many rows.
  void AddDrafts(int rows, const StepCost& cost);
  /// Blocks for `count` more positions, or as many as are to be had; how many positions.
  int GrowForDraft(Sequence& sequence, int count);
  /// Whether it is the first running sequence of its tenant and priority.
  bool StartsClass(SequenceList::iterator it);
  bool WantsRows(SequenceList::iterator first);
  void SharePromptRows(int left);
  int GiveRows(SequenceList::iterator first, int rows);
  int MoreRows(const Sequence& sequence) const;
  /// Whether somebody computes the very block that this one needs next: it will be shared.
  bool WaitsForPrefix(const Sequence& sequence) const;
  void AdoptLate(Sequence& sequence);
  void AddRuns();

  SchedulerLimits limits_;
  PrefixCache cache_;
  Plan plan_;
  uint64_t step_ = 0;
  uint64_t admissions_ = 0;
  uint64_t preemptions_ = 0;
  // By importance, then by admission: the oldest first.
  SequenceList running_;
  SequenceList preempted_;                        // among equals they go before everyone who waits
  std::array<TenantQueue, kPriorities> waiting_;  // the most important first
};

}  // namespace dure::engine
