#include "engine/scheduler.h"

#include <algorithm>
#include <utility>

namespace dure::engine {
namespace {

bool AdmittedEarlier(const std::unique_ptr<Sequence>& a, const std::unique_ptr<Sequence>& b) {
  return a->admission < b->admission;
}

template <typename Container>
std::unique_ptr<Sequence> Extract(Container& sequences, RequestId id) {
  const auto it = std::find_if(sequences.begin(), sequences.end(),
                               [id](const auto& sequence) { return sequence->id == id; });
  if (it == sequences.end()) return nullptr;
  std::unique_ptr<Sequence> sequence = std::move(*it);
  sequences.erase(it);
  return sequence;
}

}  // namespace

Scheduler::Scheduler(const SchedulerLimits& limits)
    : limits_(limits), blocks_(limits.total_blocks) {}

void Scheduler::Add(std::unique_ptr<Sequence> sequence) { waiting_.Push(std::move(sequence)); }

Plan Scheduler::PlanStep() {
  Plan plan;
  GrowRunning();
  Admit(plan);
  PlanRuns(plan);
  return plan;
}

int Scheduler::BlocksFor(int positions) const {
  return (positions + limits_.block_positions - 1) / limits_.block_positions;
}

void Scheduler::FreeBlocks(Sequence& sequence) {
  for (const int32_t block : sequence.blocks) blocks_.Release(block);
  sequence.blocks.clear();
}

void Scheduler::GrowRunning() {
  for (size_t i = 0; i < running_.size(); ++i) {
    Sequence& sequence = *running_[i];
    const int needed = BlocksFor(static_cast<int>(sequence.tokens.size()));
    while (static_cast<int>(sequence.blocks.size()) < needed) {
      if (const auto block = blocks_.Allocate()) {
        sequence.blocks.push_back(*block);
        continue;
      }
      PreemptYoungest();
      if (i >= running_.size()) return;  // it was this one
    }
  }
}

void Scheduler::PreemptYoungest() {
  std::unique_ptr<Sequence> sequence = std::move(running_.back());
  running_.pop_back();
  FreeBlocks(*sequence);
  sequence->computed = 0;
  ++preemptions_;
  const auto place =
      std::upper_bound(preempted_.begin(), preempted_.end(), sequence, AdmittedEarlier);
  preempted_.insert(place, std::move(sequence));
}

bool Scheduler::TryAllocate(Sequence& sequence) {
  const int needed = BlocksFor(static_cast<int>(sequence.tokens.size()));
  // A block in reserve for everyone who runs: a newcomer that is preempted at the next step has
  // only cost time.
  if (blocks_.available() < needed + running()) return false;
  for (int i = 0; i < needed; ++i) sequence.blocks.push_back(*blocks_.Allocate());
  return true;
}

void Scheduler::Admit(Plan& plan) {
  while (running() < limits_.max_sequences && !preempted_.empty()) {
    if (!TryAllocate(*preempted_.front())) return;
    const auto place =
        std::upper_bound(running_.begin(), running_.end(), preempted_.front(), AdmittedEarlier);
    running_.insert(place, std::move(preempted_.front()));
    preempted_.pop_front();
  }
  while (running() < limits_.max_sequences && waiting_.Front() != nullptr) {
    // Whoever is at the front waits for its blocks; nobody overtakes, or a long prompt would never
    // get in.
    if (!TryAllocate(*waiting_.Front())) return;
    running_.push_back(waiting_.Pop());
    running_.back()->admission = ++admissions_;
    plan.admitted.push_back(running_.back().get());
  }
}

void Scheduler::PlanRuns(Plan& plan) const {
  int decoding = 0;
  int prompts = 0;
  for (const auto& sequence : running_) ++(sequence->pending() == 1 ? decoding : prompts);
  int left = std::max(limits_.step_token_budget - decoding, 1);
  if (decoding > 0) left = std::min(left, limits_.prompt_rows_beside_decode);
  // While others wait with their prompts, the first takes at most half: a short prompt need not
  // wait for a long one.
  const int share = prompts > 1 ? std::max(left / 2, 1) : left;
  std::vector<int> counts(running_.size(), 0);
  for (const int most : {share, left}) {
    for (size_t i = 0; i < running_.size(); ++i) {
      if (running_[i]->pending() == 1) continue;
      const int more = std::min({running_[i]->pending() - counts[i], most - counts[i], left});
      counts[i] += more;
      left -= more;
    }
  }
  int forced_rows = limits_.max_forced_logit_rows;
  for (size_t i = 0; i < running_.size(); ++i) {
    Sequence& sequence = *running_[i];
    const int first_logit = std::max(sequence.first_logit_position(), sequence.computed);
    int count = sequence.pending() == 1 ? 1 : counts[i];
    if (!sequence.request.forced.empty()) {
      count = std::min(count, first_logit - sequence.computed + forced_rows);
      forced_rows -= std::max(0, sequence.computed + count - first_logit);
    }
    if (count == 0) continue;
    const int end = sequence.computed + count;
    plan.runs.push_back({&sequence, sequence.computed, count, std::min(first_logit, end)});
  }
}

std::unique_ptr<Sequence> Scheduler::Remove(RequestId id) {
  std::unique_ptr<Sequence> sequence = Extract(running_, id);
  if (sequence == nullptr) sequence = Extract(preempted_, id);
  if (sequence == nullptr) sequence = waiting_.Remove(id);
  if (sequence != nullptr) FreeBlocks(*sequence);
  return sequence;
}

std::vector<std::unique_ptr<Sequence>> Scheduler::RemoveAll() {
  std::vector<std::unique_ptr<Sequence>> all = waiting_.Clear();
  for (auto& sequence : running_) all.push_back(std::move(sequence));
  for (auto& sequence : preempted_) all.push_back(std::move(sequence));
  running_.clear();
  preempted_.clear();
  for (auto& sequence : all) FreeBlocks(*sequence);
  return all;
}

}  // namespace dure::engine
