// A decoder model: tokens and cached keys/values in, logits out. One file per architecture
// implements it; the registry in registry.h picks the file by general.architecture.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/page_arena.h"

namespace dure {
class ThreadTeam;
}
namespace dure::formats {
class GgufFile;
}

namespace dure::models {

class KvStorage;

struct ModelConfig {
  std::string architecture;  // general.architecture
  std::string name;          // general.name, may be empty
  int layers = 0;
  int width = 0;  // embedding length
  int heads = 0;  // query heads
  int kv_heads = 0;
  int head_dim = 0;  // of keys; values have the same
  int ff_width = 0;
  int vocab_size = 0;
  int context_length = 0;  // positions the model was trained for
  int sliding_window = 0;  // 0: none
  int experts = 0;         // feed-forward units a layer routes among; 0: one unit for all tokens
  int experts_used = 0;    // of these, how many compute a token
  int expert_ff_width = 0;
  float norm_epsilon = 0;
  double rope_base = 0;
};

/// The blocks of the cache that hold one sequence's positions: position p lives in blocks[p /
/// kKvBlockPositions]. The scheduler owns the table and has made sure that every block a step
/// writes is there.
struct SequenceView {
  std::span<const int32_t> blocks;
};

/// One row of a step: the token at a position of a sequence.
struct StepRow {
  int32_t token;
  int32_t position;  // counted from 0 in its sequence
  int32_t sequence;  // index into Step::sequences
};

/// Rows of any number of sequences, computed together. Rows of one sequence stand together, in
/// ascending and contiguous position; all earlier positions of that sequence are already in the
/// cache.
struct Step {
  std::span<const StepRow> rows;
  std::span<const SequenceView> sequences;
  std::span<const int32_t> logit_rows;  // ascending indices into rows: which of them need logits
};

/// Multiply-adds with weights that a step needs. Attention's come on top: 2 * heads * head_dim *
/// layers float ones for each position a row sees.
struct ModelWork {
  uint64_t row = 0;        // for every row
  uint64_t logit_row = 0;  // for every row whose logits are wanted
  uint64_t weights = 0;    // all there are; more than a row needs where it is routed among experts
};

struct LoadProgress {
  uint64_t bytes_done;
  uint64_t bytes_total;
};

/// Forward is called by one thread at a time (it uses the team's threads inside).
class Model {
 public:
  virtual ~Model() = default;
  virtual const ModelConfig& config() const = 0;
  /// Bytes of re-laid weights held.
  virtual uint64_t weight_bytes() const = 0;
  virtual ModelWork work() const { return {}; }
  /// Where the weights stand.
  virtual std::vector<MemoryRegion> weight_memory() const { return {}; }
  /// Writes keys and values of all rows to the cache, then logits [logit_rows.size(), vocab_size],
  /// row-major, float32. The bits of a row's logits depend on nothing but the tokens 0..position of
  /// its sequence (docs/numerics.md). Errors: kInvalidArgument (token or position out of range),
  /// kResourceExhausted (work memory).
  virtual Result<void> Forward(const Step& step, KvStorage& kv, std::span<float> logits) = 0;
};

}  // namespace dure::models
