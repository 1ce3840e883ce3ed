// How far a model's predictions along a text are from those of another one: what a quantisation or
// a cache type costs. Windows are cut as llama-perplexity cuts them: the second half of each is
// scored.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "models/model.h"
#include "numerics/kv_layout.h"

namespace dure {
class ThreadTeam;
}

namespace dure::engine {

/// A model and the cache type it runs with. The model is used by one thread at a time.
struct EvaluatedModel {
  models::Model* model;
  numerics::CacheType kv_type;
};

/// Of the Kullback-Leibler divergence of the model from the reference, in nats, over all scored
/// positions.
struct Divergence {
  double mean = 0;
  double median = 0;
  double p99 = 0;
  double max = 0;
  double same_top = 0;  // fraction of positions at which both find the same token most likely
};

struct Evaluation {
  uint64_t tokens = 0;  // scored
  double perplexity = 0;
  double reference_perplexity = 0;       // with a reference
  std::optional<Divergence> divergence;  // with a reference
};

struct EvaluationOptions {
  int window = 512;  // tokens, at least 4
  int step_rows = 128;
  // What stands first in each window in place of the text's token; nothing: the text's.
  std::optional<int32_t> bos;
  std::function<void(uint64_t done, uint64_t total)> on_progress;  // windows
};

/// Both models see the same `tokens`. `reference.model` may be null. `team` sums over vocabularies.
/// Errors: kInvalidArgument (too few tokens for one window, with the numbers; vocabularies of
/// different sizes), those of Model::Forward and KvStorage::Create.
Result<Evaluation> Evaluate(const EvaluatedModel& evaluated, const EvaluatedModel& reference,
                            std::span<const int32_t> tokens, const EvaluationOptions& options,
                            ThreadTeam& team);

}  // namespace dure::engine
