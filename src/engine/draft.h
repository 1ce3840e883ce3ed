// Speculation by look-up: text often repeats itself or the prompt, so what followed the last tokens
// where they stood before is a draft of what comes now (prompt look-up decoding: Saxena, 2023). The
// draft is computed together with the last token and taken as far as sampling gives the same
// tokens: it changes speed, never output.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/step_cost.h"

namespace dure::engine {

/// Where the end of `tokens` stood before.
struct Match {
  int next = 0;    // index of the token that followed there
  int length = 0;  // tokens that agree, counted up to a limit; 0: no match
};

/// The longest match of at least `least` tokens, of equal ones the latest. Looks back over some ten
/// thousand tokens.
Match FindMatch(std::span<const int32_t> tokens, int least);

/// Appends `count` tokens to `draft`: what followed the match, and where that reaches the end, the
/// draft's own beginning.
void CopyDraft(std::span<const int32_t> tokens, const Match& match, int count,
               std::vector<int32_t>& draft);

/// How far drafts of one sequence are to be trusted, from those before.
class DraftRecord {
 public:
  /// Matches shorter than this are not tried.
  int LeastMatch() const;
  /// The number of draft tokens that promises the most tokens per millisecond, 0 where none does.
  /// rows: the step has without them, this sequence's own included.
  int BestLength(const Match& match, int most, int rows, const StepCost& cost) const;

  /// The draft of `drafted` tokens was right in its first `accepted`.
  void Record(int drafted, int accepted);
  /// A match was not tried: what was learnt ages, so that it will be.
  void Skip();

 private:
  double Probability(int match_length) const;

  double accepted_ = 0;  // tokens, older ones counting less
  double rejected_ = 0;
};

}  // namespace dure::engine
