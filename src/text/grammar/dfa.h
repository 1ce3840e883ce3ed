// Deterministic automata over code points: the languages of strings, of property names and of
// numbers. Every state of a finished automaton lies on a way to acceptance, so "not dead" means
// "can still be completed".
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "text/grammar/code_point_set.h"
#include "text/grammar/limits.h"

namespace dure::text {

/// How the code points fall into classes that an automaton does not tell apart.
class Alphabet {
 public:
  Alphabet() = default;
  /// Classes are as coarse as `sets` allow.
  explicit Alphabet(std::span<const CodePointSet> sets);
  /// The coarsest alphabet finer than both; `pairs` receives (class of a, class of b) per class.
  static Alphabet Join(const Alphabet& a, const Alphabet& b,
                       std::vector<std::pair<int, int>>& pairs);

  int ClassOf(char32_t code_point) const {
    return code_point < 128 ? ascii_[code_point] : ClassOfSlow(code_point);
  }
  int size() const { return size_; }
  struct Range {
    char32_t first;
    char32_t last;
    int klass;
  };
  const std::vector<Range>& ranges() const { return ranges_; }
  /// Scalar values (surrogates left out) in each class.
  std::vector<uint64_t> Sizes() const;
  /// Index of the first range that reaches `code_point` or beyond.
  size_t FirstRange(char32_t code_point) const;

 private:
  void FillAscii();
  int ClassOfSlow(char32_t code_point) const { return ranges_[FirstRange(code_point)].klass; }
  std::vector<Range> ranges_ = {{0, kLastCodePoint, 0}};
  int size_ = 1;
  uint16_t ascii_[128] = {};
};

constexpr uint64_t kUncountable = ~uint64_t{0};

class Dfa {
 public:
  static constexpr int32_t kDead = -1;

  /// Every string of code points.
  static Dfa Any();
  /// Every string of min to max code points; max < 0: no upper bound. Needs no table.
  static Dfa Lengths(int64_t min, int64_t max);
  /// REQUIRES: next has states * alphabet.size() entries, accept one per state (tag or kDead).
  Dfa(Alphabet alphabet, std::vector<int32_t> next, std::vector<int32_t> accept, int32_t start);

  bool empty() const { return start_ == kDead; }
  int32_t start() const { return start_; }
  /// The tag of an accepting state, else kDead.
  int32_t Accept(int32_t state) const {
    if (counting_) return state >= min_ ? 0 : kDead;
    return accept_[state];
  }
  int32_t Next(int32_t state, char32_t code_point) const {
    if (counting_) return CountOn(state);
    return next_[static_cast<size_t>(state) * alphabet_.size() + alphabet_.ClassOf(code_point)];
  }
  /// Whether any code point of [first, last] leads on; surrogates do not count.
  bool AnyNext(int32_t state, char32_t first, char32_t last) const;
  /// The tag of a whole word, else kDead.
  int32_t Match(std::string_view utf8) const;
  /// Words that can be read from here, kUncountable for infinitely (or too) many.
  uint64_t WordsFrom(int32_t state) const;
  /// Characters (not control, not " or \) that may follow in any choice without dying.
  int FreeDepth(int32_t state) const;
  /// A state that behaves alike for every continuation of at most `longest` code points.
  int32_t Alike(int32_t state, int64_t longest) const;

  bool counting() const { return counting_; }
  int64_t min_length() const { return min_; }
  int64_t max_length() const { return max_; }
  const Alphabet& alphabet() const { return alphabet_; }
  int32_t states() const { return static_cast<int32_t>(accept_.size()); }
  const std::vector<int32_t>& table() const { return next_; }
  const std::vector<int32_t>& accepts() const { return accept_; }
  size_t entries() const { return next_.size(); }

 private:
  Dfa() = default;
  int32_t CountOn(int32_t state) const;
  void Trim();
  void Merge();
  void FindFreeDepths();
  void CountWords();

  Alphabet alphabet_;
  std::vector<int32_t> next_;
  std::vector<int32_t> accept_;
  int32_t start_ = 0;
  std::vector<int32_t> free_depth_;
  std::vector<uint64_t> words_;
  bool counting_ = false;
  int64_t min_ = 0;
  int64_t max_ = -1;
};

enum class DfaOperation { kAnd, kOr, kMinus };

/// Errors: kInvalidArgument (too many states).
Result<Dfa> Combine(const Dfa& a, const Dfa& b, DfaOperation operation,
                    const GrammarLimits& limits);

/// Exactly these words (UTF-8, well-formed).
Dfa WordsDfa(std::span<const std::string> words);

/// Property names: `literals` are told apart, the rest by which of `patterns` they match.
/// `tag(literal or -1, matched)` gives what accepting means, or Dfa::kDead.
/// Errors: kInvalidArgument (too many states).
Result<Dfa> NamesDfa(std::span<const std::string> literals, std::span<const Dfa* const> patterns,
                     const std::function<int32_t(int, const std::vector<bool>&)>& tag,
                     const GrammarLimits& limits);

/// Decodes well-formed UTF-8.
std::u32string CodePoints(std::string_view utf8);

}  // namespace dure::text
