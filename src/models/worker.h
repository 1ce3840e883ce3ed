// One thread's part of a forward pass. All members of the team run the same sequence of calls; each
// call does this member's share, and those marked "joins" end with a barrier, after which
// everyone's results are visible.
#pragma once

#include <initializer_list>
#include <span>
#include <vector>

#include "base/thread_team.h"
#include "models/kv_storage.h"
#include "models/model.h"
#include "models/rope_table.h"
#include "models/weight_loader.h"
#include "models/workspace.h"
#include "numerics/kernels.h"

namespace dure::models {

/// What all members share during one pass.
struct Pass {
  const Step* step;
  KvStorage* kv;
  const numerics::Kernels* kernels;
  ThreadTeam* team;
  Workspace* workspace;
};

enum class Activation { kSilu, kGelu, kClampedSwiglu };

struct AttentionSettings {
  int window = 0;                // positions a row sees, itself included; 0: all
  float scale = 0;               // of query-key products
  float soft_cap = 0;            // 0: none
  const float* sinks = nullptr;  // [heads]: a score that takes weight and adds no value, or none
};

/// How sharply queries far into a text attend (the temperature of Llama 4, also in Mistral 3): by
/// 1 + strength * ln(1 + floor(position / period)). strength 0: not at all.
struct QueryTemperature {
  double strength = 0;
  int period = 1;
};

/// Per-head norms of queries and keys; empty vectors where the model has none.
struct HeadNorms {
  std::vector<float> query;  // [head_dim]
  std::vector<float> key;
};

/// The kernel that combines a gate with its unit: out = activation(gate) * up.
using GateKernel = void (*)(const float* gate, const float* up, int64_t count, float* out);
GateKernel GateOf(const numerics::Kernels& kernels, Activation activation);

/// Rows of `input` times the transposed matrix, for output groups [group_begin, group_end), in the
/// form the matrix's type reads.
void Product(const numerics::Kernels& kernels, const numerics::PackedView& w, const Operand& input,
             int64_t row_begin, int64_t row_end, int64_t group_begin, int64_t group_end,
             const numerics::ProductOut& out);

class Worker {
 public:
  Worker(const Pass& pass, int member);

  Workspace& workspace() const { return *pass_.workspace; }

  // For parts of a layer that have files of their own:
  const Pass& pass() const { return pass_; }
  int member() const { return member_; }
  int64_t rows() const { return rows_; }
  /// This member's share of [0, count).
  std::pair<int64_t, int64_t> Mine(int64_t count) const;
  void Join() const { pass_.team->Barrier(); }
  /// Makes the int8 forms of an operand's rows.
  void Quantize(Operand* operand, int64_t row_begin, int64_t row_end, QuantizedForms forms) const;

  /// residual = embedding rows * scale. Joins.
  void Embed(const numerics::PackedMatrix& table, float scale) const;
  /// normed = norm(residual), in the forms that `consumers` read. Joins.
  void Norm(const std::vector<float>& weight, std::initializer_list<const Linear*> consumers) const;
  void Norm(const std::vector<float>& weight, QuantizedForms forms) const;
  /// queries, keys, values = projections of normed. Joins.
  void ProjectQkv(const Linear& q, const Linear& k, const Linear& v) const;
  /// Scales queries by their position. Joins.
  void ScaleQueries(const QueryTemperature& temperature) const;
  /// Norms and rotates queries and keys by position and writes keys and values to the cache. Joins.
  void RotateAndStore(int layer, const HeadNorms& norms, const RopeTable& rope) const;
  /// attended = softmax(queries keys^T) values over the cache, in the form `consumer` reads. Joins.
  void Attend(int layer, const AttentionSettings& settings, const AttentionPlan& plan,
              const Linear& consumer) const;
  /// hidden = activation(gate normed) * (up normed), in the form `consumer` reads. Joins.
  void GatedUnit(const Linear& gate, const Linear& up, Activation activation,
                 const Linear& consumer) const;
  /// residual += W input. Joins.
  void AddProjection(const Linear& w, const Operand& input) const;
  /// residual += norm(W input). Joins.
  void AddNormedProjection(const Linear& w, const Operand& input,
                           const std::vector<float>& norm) const;
  /// logits [logit_rows, vocab] = cap(W norm(residual of the rows that want logits)). Joins.
  void Logits(const std::vector<float>& norm, const Linear& w, float soft_cap,
              std::span<float> logits) const;

 private:
  /// y [rows, stride] = W input (+ y), this member's share of the outputs.
  void Project(const Linear& w, const Operand& input, int64_t rows, float* y, bool add) const;
  void RunTask(int layer, const AttentionSettings& settings, const AttentionTask& task) const;
  void RunMerge(const AttentionSettings& settings, const MergeTask& task) const;
  void Finish(const AttentionSettings& settings, const numerics::AttentionState& state, int row,
              int head) const;
  float* Partial(int slot, int head_in_group) const;

  const Pass& pass_;
  const ModelConfig& config_;
  const int member_;
  const int64_t rows_;
};

}  // namespace dure::models
