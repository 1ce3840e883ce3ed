// Memory of one forward pass, kept from step to step and grown when a step has more rows than any
// before.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "models/attention_plan.h"
#include "models/model.h"
#include "numerics/kernels.h"
#include "numerics/packed_matrix.h"

namespace dure::models {

/// Which quantised forms of an operand its consumers read.
struct QuantizedForms {
  bool blocks32 = false;
  bool blocks256 = false;

  /// What products with this matrix read.
  void Add(const numerics::PackedMatrix& matrix);
};

/// Input of matrix products: float32 rows [rows, cols] and their int8 forms.
class Operand {
 public:
  explicit Operand(int64_t cols) : cols_(cols) {}
  void Grow(int64_t rows);

  int64_t cols() const { return cols_; }
  float* row(int64_t i) { return values_.data() + i * cols_; }
  const float* values() const { return values_.data(); }
  const numerics::QuantizedRows& blocks32() const { return forms_[0].view; }
  const numerics::QuantizedRows& blocks256() const { return forms_[1].view; }

 private:
  struct Form {
    std::vector<int8_t> codes;
    std::vector<float> scales;
    std::vector<int32_t> sums;
    std::vector<float> scaled_sums;
    numerics::QuantizedRows view{};
    void Grow(int64_t rows, int64_t cols, int block);
  };

  int64_t cols_;
  int64_t rows_ = 0;
  std::vector<float> values_;
  Form forms_[2];
};

/// What one thread needs for attention over one tile.
struct AttentionScratch {
  std::vector<const float*> queries;
  std::vector<int> begin;
  std::vector<int> end;
  std::vector<numerics::AttentionState> states;
  std::vector<float> acc;     // [queries][head_dim]
  std::vector<float> scores;  // [queries][kAttentionChunk]
};

struct Workspace {
  Workspace(const ModelConfig& config, int members);
  /// Makes room for `rows` rows, `logit_rows` of them with logits, and `partials` attention states.
  void Grow(int64_t rows, int64_t logit_rows, int64_t partials);

  const ModelConfig config;
  std::vector<float> residual;            // [rows][width]
  std::vector<float> queries;             // [rows][heads * head_dim]
  std::vector<float> keys;                // [rows][kv_heads * head_dim]
  std::vector<float> values;              // [rows][kv_heads * head_dim]
  std::vector<float> branch;              // [rows][width]: a branch's output before its own norm
  std::vector<float> gate;                // [rows][ff_width]
  Operand normed;                         // [rows][width]
  Operand attended;                       // [rows][heads * head_dim]
  Operand hidden;                         // [rows][ff_width]
  Operand last;                           // [logit_rows][width]
  std::vector<float> partials;            // [partials][heads / kv_heads][head_dim + 2]
  std::vector<AttentionScratch> scratch;  // one a member
  std::unique_ptr<std::atomic<int32_t>[]> counters;  // [layers][2]: next attention task, next merge
};

}  // namespace dure::models
