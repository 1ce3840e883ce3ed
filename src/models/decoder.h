// What all decoder-only transformers share: settings from the file, the embedding, the walk over
// layers, the logits. An architecture adds how its weights are named and what one layer computes.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "models/model.h"
#include "models/registry.h"
#include "models/rope_table.h"
#include "models/weight_loader.h"
#include "models/worker.h"

namespace dure::models {

/// Reads the keys ARCH.* that every decoder has and checks that they fit each other. Errors:
/// kCorrupt, kUnsupported (both name the key).
Result<ModelConfig> ReadDecoderConfig(const formats::GgufFile& file);

/// kUnsupported where the file has a mixture of experts, for architectures that know none.
Result<void> RefuseExperts(const ModelConfig& config);

/// The kernels the options name, or the machine's best. Errors: kInvalidArgument when DURE_ISA
/// names none.
Result<const numerics::Kernels*> PickKernels(const LoadOptions& options);

class Decoder : public Model {
 public:
  const ModelConfig& config() const override { return config_; }
  uint64_t weight_bytes() const override { return weight_bytes_; }
  std::vector<MemoryRegion> weight_memory() const override { return weight_memory_; }
  ModelWork work() const override { return work_; }
  Result<void> Forward(const Step& step, KvStorage& kv, std::span<float> logits) override;

  /// Called once, before all else. Errors: those of the loader, which name the tensor.
  Result<void> Load(WeightLoader* loader);

 protected:
  Decoder(ModelConfig config, RopeTable rope, const numerics::Kernels* kernels, ThreadTeam* team);

  /// Loads the next layer, whose tensors' names begin with `prefix`.
  virtual Result<void> LoadLayer(WeightLoader* loader, const std::string& prefix) = 0;
  /// What layer `index` computes, one member's part.
  virtual void RunLayer(const Worker& worker, int index) const = 0;

  const AttentionPlan& full_plan() const { return full_plan_; }
  const AttentionPlan& window_plan() const { return window_plan_; }
  /// Called before the team starts on a step, for tables of the architecture's own.
  virtual void Prepare(int /*positions*/, int64_t /*rows*/) {}

  ModelConfig config_;
  RopeTable rope_;
  float embedding_scale_ = 1.0f;
  float logit_soft_cap_ = 0;

 private:
  /// token_embd, output_norm and output (or none where it is tied to the embedding).
  Result<void> LoadEnds(WeightLoader* loader);
  void CountWeights(const WeightLoader& loader);
  Result<void> CheckStep(const Step& step, const KvStorage& kv, std::span<float> logits) const;

  const numerics::Kernels* kernels_;
  ThreadTeam* team_;
  uint64_t weight_bytes_ = 0;
  std::vector<MemoryRegion> weight_memory_;
  ModelWork work_;
  Linear embedding_;
  Linear output_;  // empty where tied
  std::vector<float> output_norm_;
  Workspace workspace_;
  AttentionPlan full_plan_;
  AttentionPlan window_plan_;
};

}  // namespace dure::models
