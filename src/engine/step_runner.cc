#include "engine/step_runner.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/thread_team.h"

namespace dure::engine {
namespace {

/// Runs on the team's threads, where nothing may throw.
Result<Sample> SampleOrFail(const SampleTask& task) noexcept {
  try {
    return SampleRow(task);
  } catch (const std::bad_alloc&) {
    return Fail(ErrorCode::kResourceExhausted, kOutOfMemory);
  }
}

}  // namespace

void StepRunner::AddRun(const PlannedRun& run) {
  Sequence& sequence = *run.sequence;
  sequence.tokens.insert(sequence.tokens.end(), sequence.draft.begin(), sequence.draft.end());
  const auto view = static_cast<int32_t>(views_.size());
  views_.push_back({sequence.blocks});
  for (int position = run.first; position < run.first + run.count; ++position) {
    if (position >= run.first_logit) {
      logit_rows_.push_back(static_cast<int32_t>(rows_.size()));
      SampleTask task;
      task.kernels = &kernels_;
      task.params = &sequence.request.sampling;
      task.tokens = std::span<const TokenId>(sequence.tokens).first(position + 1);
      task.prompt_tokens = sequence.request.prompt.size();
      task.top_logprobs = sequence.request.top_logprobs;
      if (!sequence.request.forced.empty()) {
        task.forced = sequence.request.forced[position + 1 - task.prompt_tokens];
      }
      tasks_.push_back(task);
      results_.push_back({&sequence, position, engine::Sample{}});
      AddMask(sequence, position);
    }
    rows_.push_back({sequence.tokens[position], position, view});
  }
}

/// The tokens that may come after `position`. The constraint follows the sequence, draft included;
/// rows behind a draft token that it does not allow mean nothing and go unmasked.
void StepRunner::AddMask(Sequence& sequence, int position) {
  if (sequence.request.constraint != nullptr) {
    if (sequence.constraint == nullptr) sequence.constraint = sequence.request.constraint->Clone();
    text::TokenConstraint& constraint = *sequence.constraint;
    const size_t prompt = sequence.request.prompt.size();
    const size_t wanted = static_cast<size_t>(position) + 1 - prompt;
    // A row of this step follows on from the last one, whose draft is the same; the step before may
    // have guessed wrong.
    const bool goes_on = !results_.empty() && results_.size() >= 2 &&
                         results_[results_.size() - 2].sequence == &sequence;
    size_t taken = std::min(constraint.size(), wanted);
    if (!goes_on) taken = std::min(taken, sequence.followed);
    constraint.Rollback(taken);
    while (taken < wanted && constraint.Advance(sequence.tokens[prompt + taken])) ++taken;
    if (!goes_on) sequence.followed = taken;
    if (taken == wanted || !goes_on) {
      // What was drawn under a mask is always taken; were it not, nothing would be allowed.
      masks_.resize(masks_.size() + constraint.vocabulary().words(), 0);
      if (taken == wanted) constraint.Mask(std::span(masks_).last(constraint.vocabulary().words()));
    }
  }
  mask_ends_.push_back(masks_.size());
}

void StepRunner::Sample() {
  const int count = static_cast<int>(tasks_.size());
  const int members = team_ != nullptr && count > 1 ? team_->size() : 1;
  const auto work = [&](int member) {
    for (int i = member; i < count; i += members) results_[i].sample = SampleOrFail(tasks_[i]);
  };
  if (members == 1) {
    work(0);
  } else {
    team_->Run(work);
  }
}

Result<std::span<RowResult>> StepRunner::Run(const Plan& plan) {
  Result<std::span<RowResult>> results;
  try {
    results = Compute(plan);
  } catch (const std::bad_alloc&) {
    results = Fail(ErrorCode::kResourceExhausted, kOutOfMemory);
  }
  // The draft stood behind the tokens only for as long as it was computed and sampled.
  for (const PlannedRun& run : plan.runs) {
    if (run.sequence->draft.empty()) continue;
    run.sequence->tokens.resize(static_cast<size_t>(run.first) + 1);
  }
  return results;
}

Result<std::span<RowResult>> StepRunner::Compute(const Plan& plan) {
  for (const BlockCopy& copy : plan.copies) kv_.CopyBlock(copy.from, copy.to);
  rows_.clear();
  views_.clear();
  logit_rows_.clear();
  tasks_.clear();
  masks_.clear();
  mask_ends_.clear();
  results_.clear();
  for (const PlannedRun& run : plan.runs) AddRun(run);

  const size_t vocab = model_.config().vocab_size;
  const size_t wanted = logit_rows_.size() * vocab;
  if (logits_.size() < wanted) logits_.resize(wanted);
  const std::span<float> logits(logits_.data(), wanted);
  const models::Step step{rows_, views_, logit_rows_};
  if (auto computed = model_.Forward(step, kv_, logits); !computed) {
    return tl::unexpected(computed.error());
  }
  for (size_t i = 0; i < tasks_.size(); ++i) {
    tasks_[i].logits = logits.subspan(i * vocab, vocab);
    const size_t begin = i == 0 ? 0 : mask_ends_[i - 1];
    tasks_[i].allowed = std::span(masks_).subspan(begin, mask_ends_[i] - begin);
  }
  Sample();
  return std::span<RowResult>(results_);
}

}  // namespace dure::engine
