#include "models/worker.h"

#include <algorithm>
#include <limits>

#include "numerics/scalar_math.h"

namespace dure::models {

using numerics::AttentionState;
using numerics::kAttentionChunk;
using numerics::PackedMatrix;

static_assert(numerics::kKvBlock == kKvBlockPositions);

namespace {

constexpr int kBlocksPerChunk = kAttentionChunk / kKvBlockPositions;
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

QuantizedForms FormsFor(std::initializer_list<const Linear*> consumers) {
  QuantizedForms forms;
  for (const Linear* linear : consumers) forms.Add(linear->weights);
  return forms;
}

}  // namespace

GateKernel GateOf(const numerics::Kernels& kernels, Activation activation) {
  switch (activation) {
    case Activation::kSilu:
      return kernels.silu_mul;
    case Activation::kGelu:
      return kernels.gelu_mul;
    case Activation::kClampedSwiglu:
      return kernels.swiglu_clamped;
  }
  return nullptr;
}

void Product(const numerics::Kernels& kernels, const numerics::PackedView& w, const Operand& input,
             int64_t row_begin, int64_t row_end, int64_t group_begin, int64_t group_end,
             const numerics::ProductOut& out) {
  switch (numerics::LayoutOf(w.type).block) {
    case 32:
      kernels.matmul(&w, &input.blocks32(), row_begin, row_end, group_begin, group_end, &out);
      return;
    case 256:
      kernels.matmul(&w, &input.blocks256(), row_begin, row_end, group_begin, group_end, &out);
      return;
    default:
      kernels.matmul_float(&w, input.values(), input.cols(), row_begin, row_end, group_begin,
                           group_end, &out);
  }
}

Worker::Worker(const Pass& pass, int member)
    : pass_(pass),
      config_(pass.workspace->config),
      member_(member),
      rows_(static_cast<int64_t>(pass.step->rows.size())) {}

std::pair<int64_t, int64_t> Worker::Mine(int64_t count) const {
  return ThreadTeam::Share(count, member_, pass_.team->size());
}

void Worker::Embed(const PackedMatrix& table, float scale) const {
  const auto [begin, end] = Mine(rows_);
  for (int64_t row = begin; row < end; ++row) {
    float* x = workspace().residual.data() + row * config_.width;
    table.DequantizeRow(pass_.step->rows[row].token, {x, static_cast<size_t>(config_.width)});
    if (scale != 1.0f) pass_.kernels->scale(x, scale, config_.width);
  }
  Join();
}

void Worker::Quantize(Operand* operand, int64_t row_begin, int64_t row_end,
                      QuantizedForms forms) const {
  if (forms.blocks32) {
    pass_.kernels->quantize(operand->values(), operand->cols(), row_begin, row_end,
                            &operand->blocks32());
  }
  if (forms.blocks256) {
    pass_.kernels->quantize(operand->values(), operand->cols(), row_begin, row_end,
                            &operand->blocks256());
  }
}

void Worker::Norm(const std::vector<float>& weight,
                  std::initializer_list<const Linear*> consumers) const {
  Norm(weight, FormsFor(consumers));
}

void Worker::Norm(const std::vector<float>& weight, QuantizedForms forms) const {
  const auto [begin, end] = Mine(rows_);
  Operand& out = workspace().normed;
  for (int64_t row = begin; row < end; ++row) {
    pass_.kernels->rms_norm(workspace().residual.data() + row * config_.width, weight.data(),
                            config_.width, config_.norm_epsilon, out.row(row));
  }
  Quantize(&out, begin, end, forms);
  Join();
}

void Worker::Project(const Linear& w, const Operand& input, int64_t rows, float* y,
                     bool add) const {
  const auto [begin, end] = Mine(w.weights.groups());
  const numerics::ProductOut out = {y, w.weights.rows(), w.bias_data(), add};
  Product(*pass_.kernels, w.weights.view(), input, 0, rows, begin, end, out);
}

void Worker::ProjectQkv(const Linear& q, const Linear& k, const Linear& v) const {
  Workspace& ws = workspace();
  Project(q, ws.normed, rows_, ws.queries.data(), false);
  Project(k, ws.normed, rows_, ws.keys.data(), false);
  Project(v, ws.normed, rows_, ws.values.data(), false);
  Join();
}

void Worker::ScaleQueries(const QueryTemperature& temperature) const {
  const auto [begin, end] = Mine(rows_);
  const int64_t width = int64_t{config_.heads} * config_.head_dim;
  for (int64_t row = begin; row < end; ++row) {
    const int periods = pass_.step->rows[row].position / temperature.period;
    if (periods == 0) continue;
    const double factor = 1 + temperature.strength * numerics::LogDouble(1.0 + periods);
    pass_.kernels->scale(workspace().queries.data() + row * width, static_cast<float>(factor),
                         width);
  }
  Join();
}

void Worker::RotateAndStore(int layer, const HeadNorms& norms, const RopeTable& rope) const {
  const auto [begin, end] = Mine(rows_);
  const int dim = config_.head_dim;
  const numerics::Kernels& kernels = *pass_.kernels;
  const auto turn = [&](float* x, const std::vector<float>& norm, int position) {
    if (!norm.empty()) kernels.rms_norm(x, norm.data(), dim, config_.norm_epsilon, x);
    kernels.rope(x, rope.half(), rope.Cosines(position), rope.Sines(position));
  };
  for (int64_t row = begin; row < end; ++row) {
    const StepRow& r = pass_.step->rows[row];
    float* queries = workspace().queries.data() + row * config_.heads * dim;
    float* keys = workspace().keys.data() + row * config_.kv_heads * dim;
    const float* values = workspace().values.data() + row * config_.kv_heads * dim;
    for (int h = 0; h < config_.heads; ++h) turn(queries + h * dim, norms.query, r.position);
    const int32_t block = pass_.step->sequences[r.sequence].blocks[r.position / kKvBlockPositions];
    for (int h = 0; h < config_.kv_heads; ++h) {
      turn(keys + h * dim, norms.key, r.position);
      kernels.store_kv(pass_.kv->type(), keys + h * dim, values + h * dim, dim,
                       r.position % kKvBlockPositions, pass_.kv->Block(layer, block, h));
    }
  }
  Join();
}

float* Worker::Partial(int slot, int head_in_group) const {
  const int64_t group = config_.heads / config_.kv_heads;
  return workspace().partials.data() + (slot * group + head_in_group) * (config_.head_dim + 2);
}

void Worker::Finish(const AttentionSettings& settings, const AttentionState& state, int row,
                    int head) const {
  float* out = workspace().attended.row(row) + head * config_.head_dim;
  std::copy_n(state.acc, config_.head_dim, out);
  float sum = state.sum;
  if (settings.sinks != nullptr) {
    // As one more chunk, merged last, whose only position has this score and the value zero.
    const float sink = settings.sinks[head];
    const float max = std::max(state.max, sink);
    const float kept = numerics::Exp(state.max - max);
    sum = sum * kept + numerics::Exp(sink - max);
    pass_.kernels->scale(out, kept, config_.head_dim);
  }
  pass_.kernels->scale(out, 1.0f / sum, config_.head_dim);
}

void Worker::RunTask(int layer, const AttentionSettings& settings,
                     const AttentionTask& task) const {
  AttentionScratch& s = workspace().scratch[member_];
  const int group = config_.heads / config_.kv_heads;
  const int dim = config_.head_dim;
  const int count = task.rows * group;
  for (int i = 0; i < count; ++i) {
    const int64_t row = task.row + i / group;
    const int64_t head = static_cast<int64_t>(task.kv_head) * group + i % group;
    s.queries[i] = workspace().queries.data() + (row * config_.heads + head) * dim;
    s.states[i] = {kMinusInfinity, 0, s.acc.data() + i * dim};
    std::fill_n(s.states[i].acc, dim, 0.0f);
  }
  const std::span<const int32_t> blocks = pass_.step->sequences[task.sequence].blocks;
  const uint8_t* chunk_blocks[kBlocksPerChunk] = {};
  const numerics::AttentionTile tile = {s.queries.data(),
                                        count,
                                        s.begin.data(),
                                        s.end.data(),
                                        dim,
                                        settings.scale,
                                        settings.soft_cap,
                                        pass_.kv->type(),
                                        chunk_blocks,
                                        s.scores.data()};
  for (int chunk = task.first_chunk; chunk <= task.last_chunk; ++chunk) {
    const int start = chunk * kAttentionChunk;
    for (int i = 0; i < count; ++i) {
      const int position = pass_.step->rows[task.row + i / group].position;
      s.end[i] = std::clamp(position + 1 - start, 0, kAttentionChunk);
      s.begin[i] = std::clamp(FirstVisible(position, settings.window) - start, 0, s.end[i]);
    }
    for (int b = 0; b < kBlocksPerChunk; ++b) {
      const size_t index = static_cast<size_t>(chunk) * kBlocksPerChunk + b;
      if (index >= blocks.size()) break;
      chunk_blocks[b] = pass_.kv->Block(layer, blocks[index], task.kv_head);
    }
    pass_.kernels->attend(&tile, s.states.data());
  }
  for (int i = 0; i < count; ++i) {
    if (task.partial < 0) {
      Finish(settings, s.states[i], task.row + i / group, task.kv_head * group + i % group);
      continue;
    }
    float* out = Partial(task.partial, i);
    out[0] = s.states[i].max;
    out[1] = s.states[i].sum;
    std::copy_n(s.states[i].acc, dim, out + 2);
  }
}

void Worker::RunMerge(const AttentionSettings& settings, const MergeTask& task) const {
  AttentionScratch& s = workspace().scratch[member_];
  const int group = config_.heads / config_.kv_heads;
  for (int head = 0; head < group; ++head) {
    std::fill_n(s.acc.data(), config_.head_dim, 0.0f);
    AttentionState state = {kMinusInfinity, 0, s.acc.data()};
    for (int chunk = 0; chunk < task.chunks; ++chunk) {
      float* from = Partial(task.partial + chunk, head);
      const AttentionState part = {from[0], from[1], from + 2};
      pass_.kernels->merge(&state, &part, config_.head_dim);
    }
    Finish(settings, state, task.row, task.kv_head * group + head);
  }
}

void Worker::Attend(int layer, const AttentionSettings& settings, const AttentionPlan& plan,
                    const Linear& consumer) const {
  std::atomic<int32_t>& next_task = workspace().counters[2 * layer];
  std::atomic<int32_t>& next_merge = workspace().counters[2 * layer + 1];
  const auto tasks = static_cast<int32_t>(plan.tasks.size());
  for (int32_t i = next_task.fetch_add(1); i < tasks; i = next_task.fetch_add(1)) {
    RunTask(layer, settings, plan.tasks[i]);
  }
  Join();
  if (!plan.merges.empty()) {
    const auto merges = static_cast<int32_t>(plan.merges.size());
    for (int32_t i = next_merge.fetch_add(1); i < merges; i = next_merge.fetch_add(1)) {
      RunMerge(settings, plan.merges[i]);
    }
    Join();
  }
  const auto [begin, end] = Mine(rows_);
  Quantize(&workspace().attended, begin, end, FormsFor({&consumer}));
  Join();
}

void Worker::GatedUnit(const Linear& gate, const Linear& up, Activation activation,
                       const Linear& consumer) const {
  Workspace& ws = workspace();
  Project(gate, ws.normed, rows_, ws.gate.data(), false);
  Project(up, ws.normed, rows_, ws.hidden.row(0), false);
  // Both products of an output were made by this member: no barrier in between.
  const auto [first, last] = Mine(gate.weights.groups());
  const int64_t begin = first * numerics::kLanes;
  const int64_t count = std::min<int64_t>(last * numerics::kLanes, config_.ff_width) - begin;
  const GateKernel combine = GateOf(*pass_.kernels, activation);
  for (int64_t row = 0; row < rows_ && count > 0; ++row) {
    float* hidden = ws.hidden.row(row) + begin;
    combine(ws.gate.data() + row * config_.ff_width + begin, hidden, count, hidden);
  }
  Join();
  const auto [row_begin, row_end] = Mine(rows_);
  Quantize(&ws.hidden, row_begin, row_end, FormsFor({&consumer}));
  Join();
}

void Worker::AddProjection(const Linear& w, const Operand& input) const {
  Project(w, input, rows_, workspace().residual.data(), true);
  Join();
}

void Worker::AddNormedProjection(const Linear& w, const Operand& input,
                                 const std::vector<float>& norm) const {
  Workspace& ws = workspace();
  Project(w, input, rows_, ws.branch.data(), false);
  Join();
  const auto [begin, end] = Mine(rows_);
  for (int64_t row = begin; row < end; ++row) {
    float* branch = ws.branch.data() + row * config_.width;
    pass_.kernels->rms_norm(branch, norm.data(), config_.width, config_.norm_epsilon, branch);
    pass_.kernels->add(ws.residual.data() + row * config_.width, branch, config_.width);
  }
  Join();
}

void Worker::Logits(const std::vector<float>& norm, const Linear& w, float soft_cap,
                    std::span<float> logits) const {
  Workspace& ws = workspace();
  const auto count = static_cast<int64_t>(pass_.step->logit_rows.size());
  const auto [begin, end] = Mine(count);
  for (int64_t i = begin; i < end; ++i) {
    const float* x = ws.residual.data() + int64_t{pass_.step->logit_rows[i]} * config_.width;
    pass_.kernels->rms_norm(x, norm.data(), config_.width, config_.norm_epsilon, ws.last.row(i));
  }
  Quantize(&ws.last, begin, end, FormsFor({&w}));
  Join();
  Project(w, ws.last, count, logits.data(), false);
  Join();
  if (soft_cap <= 0) return;
  for (int64_t i = begin; i < end; ++i) {
    pass_.kernels->soft_cap(logits.data() + i * config_.vocab_size, soft_cap, config_.vocab_size);
  }
  Join();
}

}  // namespace dure::models
