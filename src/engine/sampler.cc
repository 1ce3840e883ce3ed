#include "engine/sampler.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/peak.h"
#include "engine/philox.h"
#include "engine/ranking.h"
#include "numerics/scalar_math.h"

namespace dure::engine {
namespace {

// How far below the best the candidates of practically every draw lie: e^-8 of its weight.
constexpr float kUsualDepth = 8.0f;

float WeightOf(const Candidate& candidate) { return numerics::Exp(candidate.logit); }

/// The candidates that are still in the race, by score: the lazily ranked vocabulary, or a list cut
/// from it.
class Candidates {
 public:
  /// scores [vocab]: the best is 0.
  Candidates(std::span<const float> scores, const numerics::Kernels& kernels)
      : scores_(scores), kernels_(kernels), ranking_(scores, 0.0f, kUsualDepth) {}

  const Candidate* At(size_t rank) {
    if (!cut_) return ranking_.At(rank);
    return rank < list_.size() ? &list_[rank] : nullptr;
  }
  double Mass() const {
    double mass = 0;
    if (cut_) {
      for (const Candidate& candidate : list_) mass += WeightOf(candidate);
      return mass;
    }
    float best = 0;
    float sum = 0;
    kernels_.max_and_exp_sum(scores_.data(), static_cast<int64_t>(scores_.size()), &best, &sum);
    return sum;
  }
  /// Keeps the first `count` only.
  void Cut(size_t count) {
    std::vector<Candidate> kept;
    for (size_t rank = 0; rank < count; ++rank) {
      const Candidate* candidate = At(rank);
      if (candidate == nullptr) break;
      kept.push_back(*candidate);
    }
    Replace(std::move(kept));
  }
  /// Keeps these, which are in canonical order.
  void Replace(std::vector<Candidate> list) {
    list_ = std::move(list);
    cut_ = true;
  }
  std::vector<Candidate> All() const {
    if (cut_) return list_;
    std::vector<Candidate> all(scores_.size());
    for (size_t id = 0; id < scores_.size(); ++id) {
      all[id] = {scores_[id], static_cast<int32_t>(id)};
    }
    return all;
  }

 private:
  std::span<const float> scores_;
  const numerics::Kernels& kernels_;
  Ranking ranking_;
  bool cut_ = false;
  std::vector<Candidate> list_;
};

/// Locally typical sampling (Meister et al., 2022): keeps the candidates whose surprise is nearest
/// to the entropy until they hold `typical_p` of the mass. With w = exp(s) and Z = sum w, surprise
/// - entropy = (sum w*s)/Z - s.
void KeepTypical(Candidates& candidates, float typical_p) {
  struct Deviating {
    float deviation;
    Candidate candidate;
  };
  const double mass = candidates.Mass();
  const std::vector<Candidate> all = candidates.All();
  double weighted = 0;
  for (const Candidate& candidate : all) {
    const double weight = WeightOf(candidate);
    if (weight > 0) weighted += weight * candidate.logit;
  }
  const auto mean_score = static_cast<float>(weighted / mass);
  std::vector<Deviating> heap;
  heap.reserve(all.size());
  for (const Candidate& candidate : all) {
    const float difference = mean_score - candidate.logit;
    heap.push_back({difference < 0 ? -difference : difference, candidate});
  }
  const auto after = [](const Deviating& a, const Deviating& b) {
    return a.deviation != b.deviation ? a.deviation > b.deviation
                                      : RanksBefore(b.candidate, a.candidate);
  };
  std::make_heap(heap.begin(), heap.end(), after);
  std::vector<Candidate> kept;
  double sum = 0;
  while (!heap.empty() && (kept.empty() || sum < typical_p * mass)) {
    std::pop_heap(heap.begin(), heap.end(), after);
    kept.push_back(heap.back().candidate);
    sum += WeightOf(heap.back().candidate);
    heap.pop_back();
  }
  std::sort(kept.begin(), kept.end(), RanksBefore);
  candidates.Replace(std::move(kept));
}

/// Nucleus sampling (Holtzman et al., 2020): the shortest head that holds `top_p` of the mass.
void KeepNucleus(Candidates& candidates, float top_p) {
  const double wanted = top_p * candidates.Mass();
  double sum = 0;
  size_t count = 0;
  while (const Candidate* candidate = candidates.At(count)) {
    ++count;
    sum += WeightOf(*candidate);
    if (sum >= wanted) break;
  }
  candidates.Cut(count);
}

/// Candidates at least `min_p` times as likely as the first.
void KeepLikely(Candidates& candidates, float min_p) {
  const float floor = min_p * WeightOf(*candidates.At(0));
  size_t count = 1;
  for (const Candidate* candidate = candidates.At(count);
       candidate != nullptr && WeightOf(*candidate) >= floor; candidate = candidates.At(count)) {
    ++count;
  }
  candidates.Cut(count);
}

TokenId Draw(Candidates& candidates, double uniform) {
  const double target = uniform * candidates.Mass();
  double sum = 0;
  const Candidate* last = candidates.At(0);
  for (size_t rank = 0; const Candidate* candidate = candidates.At(rank); ++rank) {
    const float weight = WeightOf(*candidate);
    // Rounding can leave the target at the very end: then the last candidate with any weight is the
    // answer.
    if (weight == 0) break;
    last = candidate;
    sum += weight;
    if (sum > target) break;
  }
  return last->id;
}

void ApplyPenalties(const SampleTask& task) {
  const SamplingParams& params = *task.params;
  for (const auto& [id, bias] : params.logit_bias) task.logits[id] += bias;

  const auto sorted = [](std::span<const TokenId> tokens) {
    std::vector<TokenId> ids(tokens.begin(), tokens.end());
    std::sort(ids.begin(), ids.end());
    return ids;
  };
  if (params.repetition_penalty != 1.0f && params.penalty_window != 0) {
    const size_t size = task.tokens.size();
    const size_t window = params.penalty_window < 0
                              ? size
                              : std::min<size_t>(size, static_cast<size_t>(params.penalty_window));
    std::vector<TokenId> ids = sorted(task.tokens.last(window));
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    for (const TokenId id : ids) {
      float& logit = task.logits[id];
      logit = logit > 0 ? logit / params.repetition_penalty : logit * params.repetition_penalty;
    }
  }
  if (params.presence_penalty != 0.0f || params.frequency_penalty != 0.0f) {
    const std::vector<TokenId> ids = sorted(task.tokens.subspan(task.prompt_tokens));
    for (size_t begin = 0; begin < ids.size();) {
      size_t end = begin;
      while (end < ids.size() && ids[end] == ids[begin]) ++end;
      task.logits[ids[begin]] -=
          params.presence_penalty + params.frequency_penalty * static_cast<float>(end - begin);
      begin = end;
    }
  }
}

/// (logit - best) / temperature, in place. The best becomes 0, whatever the temperature.
void MakeScores(std::span<float> logits, float best, float temperature) {
  const float inverse = 1.0f / temperature;
  for (float& logit : logits) logit = (logit - best) * inverse;
}

TokenId Choose(const SampleTask& task, const Peak& peak) {
  const SamplingParams& params = *task.params;
  if (params.temperature == 0.0f) return peak.id;
  MakeScores(task.logits, peak.value, params.temperature);
  Candidates candidates(task.logits, *task.kernels);
  if (params.top_k > 0 && static_cast<size_t>(params.top_k) < task.logits.size()) {
    candidates.Cut(params.top_k);
  }
  if (params.typical_p < 1.0f) KeepTypical(candidates, params.typical_p);
  if (params.top_p < 1.0f) KeepNucleus(candidates, params.top_p);
  if (params.min_p > 0.0f) KeepLikely(candidates, params.min_p);
  return Draw(candidates, UniformForToken(params.seed, params.choice,
                                          static_cast<uint32_t>(task.tokens.size())));
}

// Far below every logit, yet finite after a division by the lowest temperature.
constexpr float kForbidden = -1e30f;

/// False when no token is allowed.
bool Forbid(const SampleTask& task) {
  bool any = false;
  for (size_t id = 0; id < task.logits.size(); ++id) {
    const bool allowed =
        id / 64 < task.allowed.size() && (task.allowed[id / 64] >> (id % 64) & 1) != 0;
    if (!allowed) task.logits[id] = kForbidden;
    any = any || allowed;
  }
  return any;
}

bool ChangesLogits(const SamplingParams& params) {
  return !params.logit_bias.empty() || params.repetition_penalty != 1.0f ||
         params.presence_penalty != 0.0f || params.frequency_penalty != 0.0f;
}

/// Log-probabilities of a raw row: logit - largest - log(sum exp(logit - largest)).
class Logprobs {
 public:
  Logprobs(const SampleTask& task, float peak) : logits_(task.logits), peak_(peak) {
    float best = 0;
    float sum = 0;
    task.kernels->max_and_exp_sum(logits_.data(), static_cast<int64_t>(logits_.size()), &best,
                                  &sum);
    log_sum_ = numerics::Log(sum);
  }

  float Of(float logit) const { return (logit - peak_) - log_sum_; }

  std::vector<TokenLogprob> Best(int count) const {
    std::vector<TokenLogprob> best;
    if (count <= 0) return best;
    Ranking ranking(logits_, peak_, kUsualDepth);
    for (int rank = 0; rank < count; ++rank) {
      const Candidate* candidate = ranking.At(rank);
      if (candidate == nullptr) break;
      best.push_back({candidate->id, Of(candidate->logit)});
    }
    return best;
  }

 private:
  std::span<const float> logits_;
  float peak_;
  float log_sum_ = 0;
};

Result<TokenId> SampleToken(const SampleTask& task, Peak peak) {
  if (task.forced) return *task.forced;
  if (ChangesLogits(*task.params)) {
    ApplyPenalties(task);
    peak = FindPeak(task.logits);
    if (!peak.finite) {
      return Fail(ErrorCode::kInvalidArgument, "logit_bias and penalties overflow the logits");
    }
  }
  if (!task.allowed.empty()) {
    if (!Forbid(task)) {
      return Fail(ErrorCode::kInternal, "the answer's grammar allows no token after token " +
                                            std::to_string(task.tokens.size()));
    }
    peak = FindPeak(task.logits);
  }
  return Choose(task, peak);
}

}  // namespace

Result<Sample> SampleRow(const SampleTask& task) {
  const Peak raw = FindPeak(task.logits);
  if (!raw.finite) {
    return Fail(ErrorCode::kInternal, "the model gave a non-finite logit at position " +
                                          std::to_string(task.tokens.size()));
  }
  Sample sample;
  if (task.top_logprobs < 0) {
    const auto id = SampleToken(task, raw);
    if (!id) return tl::unexpected(id.error());
    sample.id = *id;
    return sample;
  }
  const Logprobs logprobs(task, raw.value);
  sample.top = logprobs.Best(task.top_logprobs);
  // Choosing overwrites the row, and the chosen token's log-probability is that of the raw one.
  const std::vector<float> logits(task.logits.begin(), task.logits.end());
  const auto id = SampleToken(task, raw);
  if (!id) return tl::unexpected(id.error());
  sample.id = *id;
  sample.logprob = logprobs.Of(logits[sample.id]);
  return sample;
}

}  // namespace dure::engine
