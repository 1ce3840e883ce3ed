// Decides what the next step computes: who is admitted, who has to give up its blocks, and how many
// rows of each sequence go in. Pure policy: no threads, no clock, no model.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "engine/block_allocator.h"
#include "engine/sequence.h"
#include "engine/tenant_queue.h"

namespace dure::engine {

struct SchedulerLimits {
  int max_sequences = 64;
  int step_token_budget = 512;
  int prompt_rows_beside_decode = 64;
  int block_positions = 32;
  int total_blocks = 0;
  // Rows of one step, decode rows aside, that may need logits (teacher forcing): bounds the logits
  // buffer.
  int max_forced_logit_rows = 32;
};

/// Rows [first, first + count) of one sequence's positions.
struct PlannedRun {
  Sequence* sequence;  // owned by the scheduler, alive until it is removed
  int first;
  int count;
  int first_logit;  // positions from here to the end of the run need logits; first + count: none
};

struct Plan {
  std::vector<PlannedRun> runs;
  std::vector<Sequence*> admitted;  // for the first time
};

/// Used by one thread. A sequence longer than total_blocks * block_positions must not be added.
class Scheduler {
 public:
  explicit Scheduler(const SchedulerLimits& limits);

  void Add(std::unique_ptr<Sequence> sequence);

  /// Preempts, admits and plans one step. Every decoding sequence has one row in it; prompt chunks
  /// share what is left of the budget (always at least one row, so that prompts move however many
  /// decode). All blocks that the step writes are allocated. The caller computes the runs and then
  /// advances each sequence's `computed` and `tokens`.
  Plan PlanStep();

  /// Takes a sequence out, wherever it is, and frees its blocks; nullptr when unknown.
  std::unique_ptr<Sequence> Remove(RequestId id);
  std::vector<std::unique_ptr<Sequence>> RemoveAll();

  bool has_work() const { return running() + queued() > 0; }
  int running() const { return static_cast<int>(running_.size()); }
  int queued() const { return static_cast<int>(waiting_.size() + preempted_.size()); }
  int blocks_used() const { return blocks_.used(); }
  uint64_t preemptions() const { return preemptions_; }

 private:
  int BlocksFor(int positions) const;
  void FreeBlocks(Sequence& sequence);
  /// Makes room for the next token of every running sequence, the oldest first; the youngest give
  /// way.
  void GrowRunning();
  void PreemptYoungest();
  void Admit(Plan& plan);
  bool TryAllocate(Sequence& sequence);
  void PlanRuns(Plan& plan) const;

  SchedulerLimits limits_;
  BlockAllocator blocks_;
  uint64_t admissions_ = 0;
  uint64_t preemptions_ = 0;
  std::vector<std::unique_ptr<Sequence>> running_;  // by admission: the oldest first
  std::deque<std::unique_ptr<Sequence>>
      preempted_;  // by admission; they go before everyone who waits
  TenantQueue waiting_;
};

}  // namespace dure::engine
