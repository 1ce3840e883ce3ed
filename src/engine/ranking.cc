#include "engine/ranking.h"

#include <algorithm>
#include <limits>

namespace dure::engine {
namespace {

constexpr int kBands = 3;

// std heaps keep the largest in front: "larger" here means ranked earlier.
bool RanksAfter(const Candidate& a, const Candidate& b) { return RanksBefore(b, a); }

}  // namespace

Ranking::Ranking(std::span<const float> logits, float peak, float first_band)
    : logits_(logits),
      peak_(peak),
      first_band_(first_band),
      upper_(std::numeric_limits<float>::infinity()) {}

void Ranking::CollectBand() {
  const float lower = bands_ < kBands - 1 ? peak_ - first_band_ * static_cast<float>(1 + 2 * bands_)
                                          : -std::numeric_limits<float>::infinity();
  for (size_t id = 0; id < logits_.size(); ++id) {
    const float logit = logits_[id];
    if (logit >= lower && logit < upper_) heap_.push_back({logit, static_cast<int32_t>(id)});
  }
  std::make_heap(heap_.begin(), heap_.end(), RanksAfter);
  upper_ = lower;
  ++bands_;
}

const Candidate* Ranking::At(size_t rank) {
  while (ranked_.size() <= rank) {
    while (heap_.empty() && bands_ < kBands) CollectBand();
    if (heap_.empty()) return nullptr;
    std::pop_heap(heap_.begin(), heap_.end(), RanksAfter);
    ranked_.push_back(heap_.back());
    heap_.pop_back();
  }
  return &ranked_[rank];
}

}  // namespace dure::engine
