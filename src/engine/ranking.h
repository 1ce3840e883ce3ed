// Tokens in the canonical order (logit descending, id ascending), sorted only as far as somebody
// looks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dure::engine {

struct Candidate {
  float logit;
  int32_t id;
};

/// Whether a stands before b in the canonical order.
inline bool RanksBefore(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

/// The whole vocabulary, ranked lazily: bands of logits below the peak are collected when needed,
/// and a band is a heap that gives its best first. The logits must outlive it, be finite and not
/// change.
class Ranking {
 public:
  /// first_band: how far below the peak the first look goes; a guess that affects speed only.
  Ranking(std::span<const float> logits, float peak, float first_band);

  /// The candidate of a rank, counted from 0; nullptr beyond the vocabulary.
  const Candidate* At(size_t rank);

 private:
  void CollectBand();

  std::span<const float> logits_;
  float peak_;
  float first_band_;
  int bands_ = 0;  // collected so far; each costs a pass over the vocabulary, so the third takes
                   // all that is left
  float upper_;    // logits at or above it have been collected
  std::vector<Candidate> ranked_;
  std::vector<Candidate> heap_;  // the rest of the current band
};

}  // namespace dure::engine
