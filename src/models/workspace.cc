#include "models/workspace.h"

#include <algorithm>

namespace dure::models {
namespace {

template <typename T>
void GrowTo(std::vector<T>* v, int64_t size) {
  if (static_cast<int64_t>(v->size()) < size) v->resize(static_cast<size_t>(size));
}

// Attention tiles hold at most this many queries, or one row of all heads of a KV head if those are
// more.
constexpr int kMostTileQueries = 64;

}  // namespace

void QuantizedForms::Add(const numerics::PackedMatrix& matrix) {
  const int block = numerics::LayoutOf(matrix.type()).block;
  blocks32 = blocks32 || block == 32;
  blocks256 = blocks256 || block == 256;
}

void Operand::Form::Grow(int64_t rows, int64_t cols, int block) {
  if (cols % block != 0) return;
  GrowTo(&codes, rows * cols);
  GrowTo(&scales, rows * cols / block);
  GrowTo(&sums, rows * cols / (block == 32 ? 32 : 16));
  GrowTo(&scaled_sums, block == 32 ? rows * cols / 32 : 0);
  view = {codes.data(), scales.data(), sums.data(), scaled_sums.data(), cols, block};
}

void Operand::Grow(int64_t rows) {
  if (rows <= rows_) return;
  rows_ = 0;  // until all of it is there: where memory runs out halfway, the next call starts again
  GrowTo(&values_, rows * cols_);
  forms_[0].Grow(rows, cols_, 32);
  forms_[1].Grow(rows, cols_, 256);
  rows_ = rows;
}

Workspace::Workspace(const ModelConfig& c, int members)
    : config(c),
      normed(c.width),
      attended(static_cast<int64_t>(c.heads) * c.head_dim),
      hidden(c.ff_width),
      last(c.width),
      scratch(members),
      counters(new std::atomic<int32_t>[static_cast<size_t>(c.layers) * 2]) {
  const int most = std::max(kMostTileQueries, c.heads / c.kv_heads);
  for (AttentionScratch& s : scratch) {
    s.queries.resize(most);
    s.begin.resize(most);
    s.end.resize(most);
    s.states.resize(most);
    s.acc.resize(static_cast<size_t>(most) * c.head_dim);
    s.scores.resize(static_cast<size_t>(most) * numerics::kAttentionChunk);
  }
}

void Workspace::Grow(int64_t rows, int64_t logit_rows, int64_t partial_count) {
  GrowTo(&residual, rows * config.width);
  GrowTo(&branch, rows * config.width);
  GrowTo(&queries, rows * config.heads * config.head_dim);
  GrowTo(&keys, rows * config.kv_heads * config.head_dim);
  GrowTo(&values, rows * config.kv_heads * config.head_dim);
  GrowTo(&gate, rows * config.ff_width);
  normed.Grow(rows);
  attended.Grow(rows);
  hidden.Grow(rows);
  last.Grow(logit_rows);
  GrowTo(&partials, partial_count * (config.heads / config.kv_heads) * (config.head_dim + 2));
  for (int i = 0; i < 2 * config.layers; ++i) counters[i].store(0, std::memory_order_relaxed);
}

}  // namespace dure::models
