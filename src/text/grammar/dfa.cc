#include "text/grammar/dfa.h"

#include <algorithm>
#include <limits>
#include <map>

#include "text/unicode.h"

namespace dure::text {
namespace {

constexpr int kEndless = std::numeric_limits<int>::max() / 2;
constexpr uint64_t kMostWords = 1'000'000'000'000ull;
constexpr size_t kMostEntriesToMerge = 8192;

/// Predecessors of each state in one array: those of s lie at [first[s], first[s + 1]).
struct Reverse {
  std::vector<uint32_t> first;
  std::vector<int32_t> from;
  Reverse(const std::vector<int32_t>& next, int32_t states, int classes) : first(states + 1) {
    for (const int32_t to : next) {
      if (to >= 0) ++first[to + 1];
    }
    for (int32_t s = 0; s < states; ++s) first[s + 1] += first[s];
    from.resize(first[states]);
    std::vector<uint32_t> fill(first.begin(), first.end() - 1);
    for (size_t i = 0; i < next.size(); ++i) {
      if (next[i] >= 0) from[fill[next[i]]++] = static_cast<int32_t>(i / classes);
    }
  }
};

}  // namespace

Dfa Dfa::Any() { return Lengths(0, -1); }

Dfa Dfa::Lengths(int64_t min, int64_t max) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max() - 1;
  Dfa dfa;
  dfa.counting_ = true;
  dfa.min_ = std::min(min, kMost);
  dfa.max_ = max > kMost ? -1 : max;
  dfa.start_ = dfa.max_ >= 0 && dfa.min_ > dfa.max_ ? kDead : 0;
  return dfa;
}

Dfa::Dfa(Alphabet alphabet, std::vector<int32_t> next, std::vector<int32_t> accept, int32_t start)
    : alphabet_(std::move(alphabet)),
      next_(std::move(next)),
      accept_(std::move(accept)),
      start_(start) {
  Trim();
  if (next_.size() <= kMostEntriesToMerge) Merge();
  FindFreeDepths();
  CountWords();
}

int32_t Dfa::CountOn(int32_t state) const {
  if (max_ < 0) return static_cast<int32_t>(std::min<int64_t>(state + 1, min_));
  return state < max_ ? state + 1 : kDead;
}

/// Keeps the states that can be reached and from which acceptance can be.
void Dfa::Trim() {
  const int classes = alphabet_.size();
  const int32_t count = states();
  if (start_ == kDead || count == 0) {
    start_ = kDead;
    next_.clear();
    accept_.clear();
    return;
  }
  std::vector<char> useful(count, 0);
  std::vector<int32_t> stack;
  for (int32_t s = 0; s < count; ++s) {
    if (accept_[s] != kDead) {
      useful[s] = 1;
      stack.push_back(s);
    }
  }
  const Reverse reverse(next_, count, classes);
  while (!stack.empty()) {
    const int32_t s = stack.back();
    stack.pop_back();
    for (uint32_t i = reverse.first[s]; i < reverse.first[s + 1]; ++i) {
      if (!useful[reverse.from[i]]) {
        useful[reverse.from[i]] = 1;
        stack.push_back(reverse.from[i]);
      }
    }
  }
  std::vector<int32_t> renamed(count, kDead);
  std::vector<int32_t> order;
  if (useful[start_]) {
    renamed[start_] = 0;
    order.push_back(start_);
  }
  for (size_t i = 0; i < order.size(); ++i) {
    for (int c = 0; c < classes; ++c) {
      const int32_t to = next_[static_cast<size_t>(order[i]) * classes + c];
      if (to >= 0 && useful[to] && renamed[to] == kDead) {
        renamed[to] = static_cast<int32_t>(order.size());
        order.push_back(to);
      }
    }
  }
  std::vector<int32_t> next(order.size() * classes, kDead);
  std::vector<int32_t> accept(order.size(), kDead);
  for (size_t i = 0; i < order.size(); ++i) {
    accept[i] = accept_[order[i]];
    for (int c = 0; c < classes; ++c) {
      const int32_t to = next_[static_cast<size_t>(order[i]) * classes + c];
      if (to >= 0) next[i * classes + c] = renamed[to];
    }
  }
  start_ = order.empty() ? kDead : 0;
  next_ = std::move(next);
  accept_ = std::move(accept);
}

/// Moore's partition refinement: states that behave alike become one.
void Dfa::Merge() {
  const int classes = alphabet_.size();
  const int32_t count = states();
  std::vector<int32_t> group(accept_.begin(), accept_.end());
  size_t groups = 0;
  while (true) {
    std::map<std::vector<int32_t>, int32_t> seen;
    std::vector<int32_t> refined(count);
    std::vector<int32_t> row(classes + 1);
    for (int32_t s = 0; s < count; ++s) {
      row[0] = group[s];
      for (int c = 0; c < classes; ++c) {
        const int32_t to = next_[static_cast<size_t>(s) * classes + c];
        row[c + 1] = to < 0 ? -2 : group[to];
      }
      refined[s] = seen.emplace(row, static_cast<int32_t>(seen.size())).first->second;
    }
    group = std::move(refined);
    if (seen.size() == groups) break;
    groups = seen.size();
  }
  if (static_cast<int32_t>(groups) == count) return;
  std::vector<int32_t> next(groups * classes, kDead);
  std::vector<int32_t> accept(groups, kDead);
  for (int32_t s = 0; s < count; ++s) {
    accept[group[s]] = accept_[s];
    for (int c = 0; c < classes; ++c) {
      const int32_t to = next_[static_cast<size_t>(s) * classes + c];
      next[static_cast<size_t>(group[s]) * classes + c] = to < 0 ? kDead : group[to];
    }
  }
  start_ = group[start_];
  next_ = std::move(next);
  accept_ = std::move(accept);
}

void Dfa::FindFreeDepths() {
  const int classes = alphabet_.size();
  const int32_t count = states();
  std::vector<char> plain(classes, 0);
  for (const Alphabet::Range& range : alphabet_.ranges()) {
    for (char32_t c = std::max<char32_t>(range.first, 0x20); c <= range.last; ++c) {
      if (c == '"' || c == '\\') continue;
      if (c >= 0xD800 && c <= 0xDFFF) {
        c = 0xDFFF;
        continue;
      }
      plain[range.klass] = 1;
      break;
    }
  }
  free_depth_.assign(count, kEndless);
  std::vector<int32_t> queue;
  for (int32_t s = 0; s < count; ++s) {
    for (int c = 0; c < classes; ++c) {
      if (plain[c] && next_[static_cast<size_t>(s) * classes + c] == kDead) {
        free_depth_[s] = 0;
        queue.push_back(s);
        break;
      }
    }
  }
  // Only edges of plain classes count.
  std::vector<int32_t> edges = next_;
  for (size_t i = 0; i < edges.size(); ++i) {
    if (!plain[i % classes]) edges[i] = kDead;
  }
  const Reverse reverse(edges, count, classes);
  for (size_t i = 0; i < queue.size(); ++i) {
    const int32_t s = queue[i];
    for (uint32_t e = reverse.first[s]; e < reverse.first[s + 1]; ++e) {
      const int32_t from = reverse.from[e];
      if (free_depth_[from] != kEndless) continue;
      free_depth_[from] = free_depth_[s] + 1;
      queue.push_back(from);
    }
  }
}

void Dfa::CountWords() {
  const int classes = alphabet_.size();
  const int32_t count = states();
  const std::vector<uint64_t> sizes = alphabet_.Sizes();
  const Reverse reverse(next_, count, classes);
  std::vector<int32_t> open(count, 0);
  std::vector<int32_t> queue;
  for (size_t i = 0; i < next_.size(); ++i) open[i / classes] += next_[i] >= 0;
  for (int32_t s = 0; s < count; ++s) {
    if (open[s] == 0) queue.push_back(s);
  }
  words_.assign(count, kUncountable);
  for (size_t i = 0; i < queue.size(); ++i) {
    const int32_t s = queue[i];
    uint64_t words = accept_[s] != kDead ? 1 : 0;
    for (int c = 0; c < classes && words != kUncountable; ++c) {
      const int32_t to = next_[static_cast<size_t>(s) * classes + c];
      if (to < 0 || sizes[c] == 0) continue;
      if (words_[to] > kMostWords / sizes[c]) {
        words = kUncountable;
      } else {
        words += words_[to] * sizes[c];
        if (words > kMostWords) words = kUncountable;
      }
    }
    words_[s] = words;
    for (uint32_t e = reverse.first[s]; e < reverse.first[s + 1]; ++e) {
      if (--open[reverse.from[e]] == 0) queue.push_back(reverse.from[e]);
    }
  }
}

bool Dfa::AnyNext(int32_t state, char32_t first, char32_t last) const {
  if (first > last) return false;
  if (counting_) return CountOn(state) != kDead;
  const auto& ranges = alphabet_.ranges();
  const int32_t* row = next_.data() + static_cast<size_t>(state) * alphabet_.size();
  for (size_t r = alphabet_.FirstRange(first); r < ranges.size() && ranges[r].first <= last; ++r) {
    if (row[ranges[r].klass] == kDead) continue;
    const char32_t low = std::max(first, ranges[r].first);
    const char32_t high = std::min(last, ranges[r].last);
    if (low < 0xD800 || high > 0xDFFF) return true;
  }
  return false;
}

int32_t Dfa::Match(std::string_view utf8) const {
  int32_t state = start_;
  for (size_t i = 0; i < utf8.size() && state != kDead;)
    state = Next(state, DecodeLenient(utf8, i));
  return state == kDead ? kDead : Accept(state);
}

uint64_t Dfa::WordsFrom(int32_t state) const {
  if (counting_) return max_ >= 0 && state >= max_ ? 1 : kUncountable;
  return words_[state];
}

int Dfa::FreeDepth(int32_t state) const {
  if (!counting_) return free_depth_[state];
  return max_ < 0 ? kEndless : static_cast<int>(std::min<int64_t>(max_ - state, kEndless));
}

int32_t Dfa::Alike(int32_t state, int64_t longest) const {
  if (!counting_) return state;
  if (min_ - state > longest) return static_cast<int32_t>(min_ - longest - 1);
  if (state >= min_ && (max_ < 0 || max_ - state > longest)) return static_cast<int32_t>(min_);
  return state;
}

}  // namespace dure::text
