// Mixture of experts (Shazeer et al., 2017, arXiv:1701.06538; as in Mixtral, arXiv:2401.04088): a
// router chooses some feed-forward units for each token; their outputs are added with weights.
// Every row's result is its own: rows that share an expert are computed together, and experts are
// summed in ascending index (docs/numerics.md).
#pragma once

#include <cstdint>
#include <vector>

#include "models/weight_loader.h"
#include "models/worker.h"
#include "models/workspace.h"

namespace dure::models {

struct ExpertLayer {
  Linear router;  // [experts, width]
  ExpertLinear gate, up, down;

  /// What the products with the layer's input read.
  QuantizedForms input_forms() const;
};

/// Loads PREFIX ffn_gate_inp, ffn_gate_exps, ffn_up_exps and ffn_down_exps. Errors: those of
/// WeightLoader.
Result<ExpertLayer> LoadExpertLayer(WeightLoader* loader, const std::string& prefix,
                                    const ModelConfig& config);

struct ExpertOptions {
  Activation activation = Activation::kSilu;
  // Weights are the router's softmax over the chosen experts; false: over all of them.
  bool normalized = true;
};

/// Memory of the expert layers of one step, used by one layer after the other.
class ExpertWorkspace {
 public:
  ExpertWorkspace(const ModelConfig& config, int members);
  /// Makes room for a step of `rows` rows.
  void Grow(int64_t rows);

 private:
  friend class ExpertWorker;
  /// Slots: (row, expert) pairs in order of expert, then row. Each member makes its own copy, which
  /// costs less than waiting for another's.
  struct Slots {
    std::vector<int64_t> first;  // [experts + 1]: expert e owns slots [first[e], first[e + 1])
    std::vector<int64_t> next;   // [experts]: the first slot of it that is not taken yet
    std::vector<int64_t> row;    // [slots]
    std::vector<int64_t> of;     // [rows][used]: slot of a row's i-th expert
  };

  int64_t width_;
  int64_t ff_width_;
  int experts_;
  int used_;
  std::vector<float> router_logits_;  // [rows][experts]
  std::vector<int32_t> chosen_;       // [rows][used], ascending
  std::vector<float> weights_;        // [rows][used]
  Operand gathered_;                  // [slots][width]
  std::vector<float> gate_;           // [slots][ff]
  Operand hidden_;                    // [slots][ff]
  std::vector<float> outputs_;        // [slots][width]
  std::vector<Slots> slots_;          // one a member
};

/// residual += sum over the chosen experts of weight * unit(normed). REQUIRES: normed is there in
/// layer.input_forms(). Joins.
void AddExperts(const Worker& worker, const ExpertLayer& layer, const ExpertOptions& options,
                ExpertWorkspace* memory);

}  // namespace dure::models
