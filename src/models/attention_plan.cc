#include "models/attention_plan.h"

#include <algorithm>

#include "numerics/constants.h"

namespace dure::models {
namespace {

using numerics::kAttentionChunk;

// Rows times heads in one tile: enough to reuse keys from registers, few enough that scores stay in
// the first-level cache.
constexpr int kTileQueries = 24;
// Single rows at a depth of more chunks than this are split among threads by chunk.
constexpr int kSplitChunks = 2;

void PlanRow(const Step& step, int row, int kv_heads, int window, AttentionPlan* plan) {
  const StepRow& r = step.rows[row];
  const int first = FirstVisible(r.position, window) / kAttentionChunk;
  const int last = r.position / kAttentionChunk;
  for (int head = 0; head < kv_heads; ++head) {
    if (last - first < kSplitChunks) {
      plan->tasks.push_back({r.sequence, head, row, 1, first, last, -1});
      continue;
    }
    plan->merges.push_back({row, head, plan->partials, last - first + 1});
    for (int chunk = first; chunk <= last; ++chunk) {
      plan->tasks.push_back({r.sequence, head, row, 1, chunk, chunk, plan->partials++});
    }
  }
}

void PlanTiles(const Step& step, int begin, int end, int kv_heads, int heads_per_kv, int window,
               AttentionPlan* plan) {
  const int tile = std::max(1, kTileQueries / heads_per_kv);
  // Later rows see more positions and cost more: they go first, so that the last pieces to finish
  // are small.
  for (int stop = end; stop > begin;) {
    const int start = std::max(begin, stop - tile);
    const int first = FirstVisible(step.rows[start].position, window) / kAttentionChunk;
    const int last = step.rows[stop - 1].position / kAttentionChunk;
    for (int head = 0; head < kv_heads; ++head) {
      plan->tasks.push_back(
          {step.rows[start].sequence, head, start, stop - start, first, last, -1});
    }
    stop = start;
  }
}

}  // namespace

AttentionPlan PlanAttention(const Step& step, int kv_heads, int heads_per_kv, int window) {
  AttentionPlan plan;
  const int rows = static_cast<int>(step.rows.size());
  for (int begin = 0; begin < rows;) {
    int end = begin + 1;
    while (end < rows && step.rows[end].sequence == step.rows[begin].sequence) ++end;
    if (end - begin == 1) {
      PlanRow(step, begin, kv_heads, window, &plan);
    } else {
      PlanTiles(step, begin, end, kv_heads, heads_per_kv, window, &plan);
    }
    begin = end;
  }
  return plan;
}

}  // namespace dure::models
