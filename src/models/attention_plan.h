// How one step's attention is cut into pieces of work. The cut never changes a bit: chunks of a
// sequence are merged in ascending order whoever computed them.
#pragma once

#include <cstdint>
#include <vector>

#include "models/model.h"

namespace dure::models {

/// Rows [row, row + rows) of the step, all of one sequence, over chunks [first_chunk, last_chunk]
/// of its positions, for one KV head. partial < 0: results go straight to the output; else this
/// piece (one chunk) leaves its states in slot `partial` and a MergeTask joins them.
struct AttentionTask {
  int32_t sequence;
  int32_t kv_head;
  int32_t row;
  int32_t rows;
  int32_t first_chunk;
  int32_t last_chunk;
  int32_t partial;
};

/// Joins slots [partial, partial + chunks) for one row and KV head.
struct MergeTask {
  int32_t row;
  int32_t kv_head;
  int32_t partial;
  int32_t chunks;
};

struct AttentionPlan {
  std::vector<AttentionTask> tasks;
  std::vector<MergeTask> merges;
  int partials = 0;
};

/// The first position a row at `position` attends to; window 0 means all.
inline int FirstVisible(int position, int window) {
  return window > 0 && position >= window ? position - window + 1 : 0;
}

AttentionPlan PlanAttention(const Step& step, int kv_heads, int heads_per_kv, int window);

}  // namespace dure::models
