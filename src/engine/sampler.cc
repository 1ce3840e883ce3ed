#include "engine/sampler.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/philox.h"
#include "engine/ranking.h"
#include "engine/vocabulary_math.h"

namespace dure::engine {
namespace {

// How far below the peak the candidates of practically every draw lie, in units of the temperature.
constexpr float kUsualDepth = 8.0f;

/// The candidates that are still in the race: the lazily ranked vocabulary, or a list cut from it.
class Candidates {
 public:
  Candidates(std::span<const float> logits, float peak, float inverse_temperature)
      : logits_(logits),
        peak_(peak),
        inverse_temperature_(inverse_temperature),
        ranking_(logits, peak, kUsualDepth / inverse_temperature) {}

  const Candidate* At(size_t rank) {
    if (!cut_) return ranking_.At(rank);
    return rank < list_.size() ? &list_[rank] : nullptr;
  }
  float WeightOf(const Candidate& candidate) const {
    return Weight(candidate.logit, peak_, inverse_temperature_);
  }
  /// Natural log of the weight.
  float Score(const Candidate& candidate) const {
    return (candidate.logit - peak_) * inverse_temperature_;
  }
  double Mass() const {
    if (!cut_) return SumWeights(logits_, peak_, inverse_temperature_);
    double mass = 0;
    for (const Candidate& candidate : list_) mass += WeightOf(candidate);
    return mass;
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
    std::vector<Candidate> all(logits_.size());
    for (size_t id = 0; id < logits_.size(); ++id) {
      all[id] = {logits_[id], static_cast<int32_t>(id)};
    }
    return all;
  }

 private:
  std::span<const float> logits_;
  float peak_;
  float inverse_temperature_;
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
    const double weight = candidates.WeightOf(candidate);
    if (weight > 0) weighted += weight * candidates.Score(candidate);
  }
  const auto mean_score = static_cast<float>(weighted / mass);
  std::vector<Deviating> heap;
  heap.reserve(all.size());
  for (const Candidate& candidate : all) {
    const float difference = mean_score - candidates.Score(candidate);
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
    sum += candidates.WeightOf(heap.back().candidate);
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
    sum += candidates.WeightOf(*candidate);
    if (sum >= wanted) break;
  }
  candidates.Cut(count);
}

/// Candidates at least `min_p` times as likely as the first.
void KeepLikely(Candidates& candidates, float min_p) {
  const float floor = min_p * candidates.WeightOf(*candidates.At(0));
  size_t count = 1;
  for (const Candidate* candidate = candidates.At(count);
       candidate != nullptr && candidates.WeightOf(*candidate) >= floor;
       candidate = candidates.At(count)) {
    ++count;
  }
  candidates.Cut(count);
}

TokenId Draw(Candidates& candidates, double uniform) {
  const double target = uniform * candidates.Mass();
  double sum = 0;
  const Candidate* last = candidates.At(0);
  for (size_t rank = 0; const Candidate* candidate = candidates.At(rank); ++rank) {
    const float weight = candidates.WeightOf(*candidate);
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

TokenId Choose(const SampleTask& task, const Peak& peak) {
  const SamplingParams& params = *task.params;
  if (params.temperature == 0.0f) return peak.id;
  Candidates candidates(task.logits, peak.value, 1.0f / params.temperature);
  if (params.top_k > 0 && static_cast<size_t>(params.top_k) < task.logits.size()) {
    candidates.Cut(params.top_k);
  }
  if (params.typical_p < 1.0f) KeepTypical(candidates, params.typical_p);
  if (params.top_p < 1.0f) KeepNucleus(candidates, params.top_p);
  if (params.min_p > 0.0f) KeepLikely(candidates, params.min_p);
  return Draw(candidates, UniformForToken(params.seed, params.choice,
                                          static_cast<uint32_t>(task.tokens.size())));
}

bool ChangesLogits(const SamplingParams& params) {
  return !params.logit_bias.empty() || params.repetition_penalty != 1.0f ||
         params.presence_penalty != 0.0f || params.frequency_penalty != 0.0f;
}

/// The most likely tokens of a raw row.
std::vector<TokenLogprob> Best(std::span<const float> logits, float peak, float log_sum,
                               int count) {
  std::vector<TokenLogprob> best;
  if (count <= 0) return best;
  Ranking ranking(logits, peak, kUsualDepth);
  for (int rank = 0; rank < count; ++rank) {
    const Candidate* candidate = ranking.At(rank);
    if (candidate == nullptr) break;
    best.push_back({candidate->id, (candidate->logit - peak) - log_sum});
  }
  return best;
}

}  // namespace

Result<Sample> SampleRow(const SampleTask& task) {
  const Peak raw = FindPeak(task.logits);
  if (!raw.finite) {
    return Fail(ErrorCode::kInternal, "the model gave a non-finite logit at position " +
                                          std::to_string(task.tokens.size()));
  }
  Sample sample;
  const bool wants_logprobs = task.top_logprobs >= 0;
  const float log_sum = wants_logprobs ? LogSumExp(task.logits, raw.value) : 0.0f;
  if (wants_logprobs) sample.top = Best(task.logits, raw.value, log_sum, task.top_logprobs);

  if (task.forced) {
    sample.id = *task.forced;
    if (wants_logprobs) sample.logprob = (task.logits[sample.id] - raw.value) - log_sum;
    return sample;
  }
  if (!ChangesLogits(*task.params)) {
    sample.id = Choose(task, raw);
    if (wants_logprobs) sample.logprob = (task.logits[sample.id] - raw.value) - log_sum;
    return sample;
  }
  // Bias and penalties overwrite the row; the chosen token's log-probability is still that of the
  // raw one.
  const std::vector<float> raw_logits =
      wants_logprobs ? std::vector<float>(task.logits.begin(), task.logits.end())
                     : std::vector<float>();
  ApplyPenalties(task);
  const Peak changed = FindPeak(task.logits);
  if (!changed.finite) {
    return Fail(ErrorCode::kInvalidArgument, "logit_bias and penalties overflow the logits");
  }
  sample.id = Choose(task, changed);
  if (wants_logprobs) sample.logprob = (raw_logits[sample.id] - raw.value) - log_sum;
  return sample;
}

}  // namespace dure::engine
