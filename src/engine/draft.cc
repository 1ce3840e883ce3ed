#include "engine/draft.h"

#include <algorithm>

namespace dure::engine {
namespace {

constexpr int kMostLookBack = 16384;  // tokens
constexpr int kLongMatch = 16;        // longer ones are not better

constexpr double kForget = 0.9;       // what a draft leaves of the record before it
constexpr double kForgetSkip = 0.97;  // what a skipped match leaves
constexpr int kCautiousMatch = 3;
constexpr int kConfidentMatch = 2;
constexpr double kConfident = 0.75;
// Before there is a record: a draft after a match of n tokens counts as n / 4 right ones and a
// wrong one.
constexpr double kTrustOfMatch = 0.25;
// Estimates of cost are not exact: less than this is no gain.
constexpr double kLeastGain = 1.05;

}  // namespace

Match FindMatch(std::span<const int32_t> tokens, int least) {
  Match best;
  const auto size = static_cast<int>(tokens.size());
  const int stop = std::max(size - kMostLookBack, 1);
  const int32_t last = size > 0 ? tokens[static_cast<size_t>(size) - 1] : 0;
  for (int next = size - 1; next >= stop && best.length < kLongMatch; --next) {
    if (tokens[static_cast<size_t>(next) - 1] != last) continue;
    int length = 1;
    while (length < kLongMatch && length < next &&
           tokens[static_cast<size_t>(next - 1 - length)] ==
               tokens[static_cast<size_t>(size - 1 - length)]) {
      ++length;
    }
    if (length >= least && length > best.length) best = {next, length};
  }
  return best;
}

void CopyDraft(std::span<const int32_t> tokens, const Match& match, int count,
               std::vector<int32_t>& draft) {
  for (int i = 0; i < count; ++i) {
    const auto at = static_cast<size_t>(match.next + i);
    draft.push_back(at < tokens.size() ? tokens[at] : draft[at - tokens.size()]);
  }
}

int DraftRecord::LeastMatch() const {
  return accepted_ > kConfident * (accepted_ + rejected_) && accepted_ > 1 ? kConfidentMatch
                                                                           : kCautiousMatch;
}

double DraftRecord::Probability(int match_length) const {
  const double right = accepted_ + kTrustOfMatch * match_length;
  return right / (right + rejected_ + 1);
}

int DraftRecord::BestLength(const Match& match, int most, int rows, const StepCost& cost) const {
  const double alone = cost.DecodeMs(rows);
  if (alone == 0) return 0;
  const double probability = Probability(match.length);
  int best = 0;
  double best_rate = rows / alone * kLeastGain;
  double tokens = rows;
  double next = 1;
  for (int length = 1; length <= most; ++length) {
    next *= probability;
    tokens += next;
    const double rate = tokens / cost.DecodeMs(rows + length);
    if (rate > best_rate) {
      best_rate = rate;
      best = length;
    }
  }
  return best;
}

void DraftRecord::Record(int drafted, int accepted) {
  accepted_ = accepted_ * kForget + accepted;
  rejected_ = rejected_ * kForget + (accepted < drafted ? 1 : 0);
}

void DraftRecord::Skip() {
  accepted_ *= kForgetSkip;
  rejected_ *= kForgetSkip;
}

}  // namespace dure::engine
