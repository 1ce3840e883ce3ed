// Computes one planned step: rows through the model, logits through the sampler.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "engine/sampler.h"
#include "engine/scheduler.h"
#include "models/kv_storage.h"
#include "models/model.h"

namespace dure {
class ThreadTeam;
}

namespace dure::engine {

/// What came of one row that needed logits.
struct RowResult {
  Sequence* sequence;
  int position;
  Result<Sample> sample;
};

/// Used by one thread.
class StepRunner {
 public:
  /// All must outlive it; team may be null.
  StepRunner(models::Model& model, models::KvStorage& kv, const numerics::Kernels& kernels,
             ThreadTeam* team)
      : model_(model), kv_(kv), kernels_(kernels), team_(team) {}

  /// Results in the order of the plan's rows, good until the next call. Those of rows after a draft
  /// token that turns out wrong mean nothing. Sequences are the same afterwards.
  /// Errors: those of Model::Forward, kResourceExhausted; then no row has a result.
  Result<std::span<RowResult>> Run(const Plan& plan);

 private:
  Result<std::span<RowResult>> Compute(const Plan& plan);
  void AddRun(const PlannedRun& run);
  void AddMask(Sequence& sequence, int position);
  void Sample();

  models::Model& model_;
  models::KvStorage& kv_;
  const numerics::Kernels& kernels_;
  ThreadTeam* team_;
  // Work memory, kept from step to step.
  std::vector<models::StepRow> rows_;
  std::vector<models::SequenceView> views_;
  std::vector<int32_t> logit_rows_;
  std::vector<float> logits_;       // [logit_rows, vocab]
  std::vector<SampleTask> tasks_;   // one for each logit row
  std::vector<uint64_t> masks_;     // [constrained rows, words of a mask], in order of the rows
  std::vector<size_t> mask_ends_;   // in masks_, for each logit row
  std::vector<RowResult> results_;  // likewise
};

}  // namespace dure::engine
