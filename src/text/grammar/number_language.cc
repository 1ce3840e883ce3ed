#include "text/grammar/number_language.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>

#include "text/grammar/regex.h"

namespace dure::text {
namespace {

enum Phase { kStart, kMinus, kZero, kInteger, kPoint, kFraction, kE, kSign, kExponent };

/// How the digits read so far compare with those of a bound.
enum Order { kEqual, kLess, kGreater };

/// A bound's magnitude, written out.
struct Magnitude {
  Decimal value;
  bool exclusive = false;
  bool lower = false;
  std::string integer;
  std::string fraction;
};

struct Step {
  int modulus = 1;  // of the number times 10^decimals
  int decimals = 0;
  bool negated = false;
};

/// The state of reading one number, as plain integers so that it can be a key.
struct State {
  int phase = kStart;
  int negative = 0;
  int zero = 1;           // only zeros so far
  int digits = 0;         // before the point, saturated
  int decimals = 0;       // after the point, saturated
  int fraction_zero = 1;  // only zeros after the point
  std::array<int, 2> order = {kEqual, kEqual};
  std::vector<int> remainder;
  std::vector<int> beyond;  // a digit other than 0 beyond a step's decimals
  auto operator<=>(const State&) const = default;
};

class Reader {
 public:
  explicit Reader(const NumberSet& set) : whole_(set.whole), plain_(set.plain) {}

  Result<void> Prepare(const NumberSet& set, const GrammarLimits& limits);
  State Start() const {
    State state;
    state.remainder.assign(steps_.size(), 0);
    state.beyond.assign(steps_.size(), 0);
    return state;
  }
  /// False when the character cannot follow.
  bool Next(State& state, char c) const;
  bool Accepts(const State& state) const;

 private:
  bool MantissaFits(const State& state) const;
  bool FitsBound(const State& state, size_t bound) const;
  bool FitsStep(const State& state, size_t step) const;
  void IntegerDigit(State& state, char c) const;
  void FractionDigit(State& state, char c) const;

  NumberSet::Whole whole_;
  bool plain_;
  std::vector<Magnitude> bounds_;
  std::vector<Step> steps_;
  int most_digits_ = 0;
  int most_decimals_ = 1;
  bool exponents_ = true;
};

Result<void> Reader::Prepare(const NumberSet& set, const GrammarLimits& limits) {
  const auto add_bound = [&](const NumberSet::Bound& bound, bool lower) {
    if (bound.value.WrittenLength() > limits.number_digits) return false;
    bounds_.push_back({bound.value, bound.exclusive, lower, bound.value.IntegerPart(),
                       bound.value.FractionPart()});
    most_digits_ = std::max(most_digits_, static_cast<int>(bounds_.back().integer.size()));
    most_decimals_ = std::max(most_decimals_, static_cast<int>(bounds_.back().fraction.size()));
    if (!bound.value.zero()) exponents_ = false;
    return true;
  };
  if ((set.lower && !add_bound(*set.lower, true)) || (set.upper && !add_bound(*set.upper, false))) {
    return Fail(ErrorCode::kInvalidArgument, "a numeric bound has more than " +
                                                 std::to_string(limits.number_digits) + " digits");
  }
  for (const NumberSet::Multiple& multiple : set.multiples) {
    const int64_t decimals = std::max<int64_t>(0, -multiple.of.exponent);
    Decimal scaled = multiple.of;
    scaled.exponent += decimals;
    const auto modulus = scaled.AsInteger(limits.multiple_of);
    if (!modulus || *modulus <= 0 || decimals > 20) {
      return Fail(ErrorCode::kInvalidArgument,
                  "multipleOf must be above 0 and, without its decimal point, at most " +
                      std::to_string(limits.multiple_of));
    }
    steps_.push_back({static_cast<int>(*modulus), static_cast<int>(decimals), multiple.negated});
    most_decimals_ = std::max(most_decimals_, static_cast<int>(decimals) + 1);
    exponents_ = false;
  }
  if (plain_ || !set.excluded.empty() || whole_ == NumberSet::Whole::kFraction) exponents_ = false;
  return {};
}

void Reader::IntegerDigit(State& state, char c) const {
  const int digit = c - '0';
  if (digit != 0) state.zero = 0;
  for (size_t b = 0; b < bounds_.size(); ++b) {
    const std::string& other = bounds_[b].integer;
    if (state.digits < static_cast<int>(other.size())) {
      if (state.order[b] == kEqual && c != other[state.digits]) {
        state.order[b] = c < other[state.digits] ? kLess : kGreater;
      }
    } else {
      state.order[b] = kGreater;
    }
  }
  state.digits = std::min(state.digits + 1, most_digits_ + 1);
  for (size_t s = 0; s < steps_.size(); ++s) {
    state.remainder[s] =
        static_cast<int>((int64_t{state.remainder[s]} * 10 + digit) % steps_[s].modulus);
  }
}

void Reader::FractionDigit(State& state, char c) const {
  const int digit = c - '0';
  if (digit != 0) state.zero = state.fraction_zero = 0;
  for (size_t b = 0; b < bounds_.size(); ++b) {
    if (state.order[b] != kEqual) continue;
    const std::string& other = bounds_[b].fraction;
    const char there =
        state.decimals < static_cast<int>(other.size()) ? other[state.decimals] : '0';
    if (c != there) state.order[b] = c < there ? kLess : kGreater;
  }
  for (size_t s = 0; s < steps_.size(); ++s) {
    if (state.decimals < steps_[s].decimals) {
      state.remainder[s] =
          static_cast<int>((int64_t{state.remainder[s]} * 10 + digit) % steps_[s].modulus);
    } else if (digit != 0) {
      state.beyond[s] = 1;
    }
  }
  state.decimals = std::min(state.decimals + 1, most_decimals_ + 1);
}

bool Reader::Next(State& state, char c) const {
  const bool digit = c >= '0' && c <= '9';
  const bool e = c == 'e' || c == 'E';
  switch (state.phase) {
    case kStart:
    case kMinus:
      if (c == '-' && state.phase == kStart) {
        state.phase = kMinus;
        state.negative = 1;
        return true;
      }
      if (!digit) return false;
      IntegerDigit(state, c);
      state.phase = c == '0' ? kZero : kInteger;
      return true;
    case kZero:
    case kInteger:
      if (digit && state.phase == kInteger) {
        IntegerDigit(state, c);
        return true;
      }
      if (c == '.' && !plain_) {
        // Fewer digits are less whatever they are.
        for (size_t b = 0; b < bounds_.size(); ++b) {
          if (state.digits < static_cast<int>(bounds_[b].integer.size())) state.order[b] = kLess;
        }
        state.digits = 0;
        state.phase = kPoint;
        return true;
      }
      break;
    case kPoint:
    case kFraction:
      if (digit) {
        FractionDigit(state, c);
        state.phase = kFraction;
        return true;
      }
      if (state.phase == kPoint) return false;
      break;
    case kE:
    case kSign:
    case kExponent: {
      const bool whole = whole_ == NumberSet::Whole::kInteger;
      if (state.phase == kE && (c == '+' || (c == '-' && !whole))) {
        state.phase = kSign;
        return true;
      }
      if (!digit) return false;
      // Validators that read numbers as float64 take a large exponent for infinity.
      if (state.phase == kExponent && state.decimals == 1) return false;
      state.decimals = state.phase == kExponent ? 1 : 0;
      state.phase = kExponent;
      return true;
    }
  }
  if (!e || !exponents_ || !MantissaFits(state)) return false;
  State after = Start();
  after.phase = kE;
  after.negative = state.negative;
  after.zero = state.zero;
  state = after;
  return true;
}

/// REQUIRES: the phase is one after which a number may end. Without exponents, or with bounds at 0
/// only.
bool Reader::FitsBound(const State& state, size_t b) const {
  const Magnitude& bound = bounds_[b];
  int order = 0;  // of the number to the bound
  if (state.zero != 0) {
    order = bound.value.zero() ? 0 : bound.value.negative ? 1 : -1;
  } else if (bound.value.zero() || (state.negative != 0) != bound.value.negative) {
    order = state.negative != 0 ? -1 : 1;
  } else {
    Order magnitude = static_cast<Order>(state.order[b]);
    const bool before_point = state.phase == kZero || state.phase == kInteger;
    if (before_point && state.digits < static_cast<int>(bound.integer.size())) magnitude = kLess;
    const int decimals = before_point ? 0 : state.decimals;
    if (magnitude == kEqual && decimals < static_cast<int>(bound.fraction.size())) {
      magnitude = kLess;
    }
    order = magnitude == kEqual ? 0 : magnitude == kLess ? -1 : 1;
    if (state.negative != 0) order = -order;
  }
  if (order == 0) return !bound.exclusive;
  return bound.lower ? order > 0 : order < 0;
}

bool Reader::FitsStep(const State& state, size_t s) const {
  int64_t remainder = state.remainder[s];
  for (int d = std::min(state.decimals, steps_[s].decimals); d < steps_[s].decimals; ++d) {
    remainder = remainder * 10 % steps_[s].modulus;
  }
  const bool multiple = remainder == 0 && state.beyond[s] == 0;
  return multiple != steps_[s].negated;
}

/// What holds whatever exponent follows, of those that may.
bool Reader::MantissaFits(const State& state) const {
  for (size_t b = 0; b < bounds_.size(); ++b) {
    if (!FitsBound(state, b)) return false;
  }
  return whole_ == NumberSet::Whole::kEither || state.fraction_zero != 0;
}

bool Reader::Accepts(const State& state) const {
  switch (state.phase) {
    case kExponent:
      return true;  // checked before the e
    case kZero:
    case kInteger:
    case kFraction:
      break;
    default:
      return false;
  }
  for (size_t b = 0; b < bounds_.size(); ++b) {
    if (!FitsBound(state, b)) return false;
  }
  for (size_t s = 0; s < steps_.size(); ++s) {
    if (!FitsStep(state, s)) return false;
  }
  if (whole_ == NumberSet::Whole::kInteger) return state.fraction_zero != 0;
  if (whole_ == NumberSet::Whole::kFraction) return state.fraction_zero == 0;
  return true;
}

Result<Dfa> Explore(const Reader& reader, const GrammarLimits& limits) {
  constexpr std::string_view kCharacters = "0123456789-+.eE";
  std::vector<CodePointSet> sets;
  for (const char c : kCharacters) {
    sets.push_back(CodePointSet({{static_cast<char32_t>(c), static_cast<char32_t>(c)}}));
  }
  Alphabet alphabet(sets);
  std::map<State, int32_t> ids;
  std::vector<const State*> states;
  const auto id_of = [&](const State& state) {
    const auto [entry, added] = ids.emplace(state, static_cast<int32_t>(states.size()));
    if (added) states.push_back(&entry->first);
    return entry->second;
  };
  id_of(reader.Start());
  std::vector<int32_t> next;
  std::vector<int32_t> accept;
  for (size_t i = 0; i < states.size(); ++i) {
    accept.push_back(reader.Accepts(*states[i]) ? 0 : Dfa::kDead);
    next.resize(next.size() + alphabet.size(), Dfa::kDead);
    for (const char c : kCharacters) {
      State state = *states[i];
      if (reader.Next(state, c)) {
        next[i * alphabet.size() + alphabet.ClassOf(static_cast<char32_t>(c))] = id_of(state);
      }
    }
    if (states.size() > limits.dfa_states || next.size() > limits.dfa_entries) {
      return Fail(ErrorCode::kInvalidArgument, "numeric bounds or multipleOf need too many states");
    }
  }
  return Dfa(std::move(alphabet), std::move(next), std::move(accept), 0);
}

bool Divides(const NumberSet::Multiple& multiple, const Decimal& value,
             const GrammarLimits& limits) {
  NumberSet set;
  set.multiples = {multiple};
  set.multiples[0].negated = false;
  Reader reader(set);
  if (!reader.Prepare(set, limits)) return false;
  State state = reader.Start();
  const std::string fraction = value.FractionPart();
  for (const char c : value.IntegerPart() + (fraction.empty() ? "" : "." + fraction)) {
    if (!reader.Next(state, c)) return false;
  }
  return reader.Accepts(state);
}

bool Fits(const NumberSet& set, const Decimal& value, const GrammarLimits& limits) {
  if (set.whole != NumberSet::Whole::kEither &&
      value.integer() != (set.whole == NumberSet::Whole::kInteger)) {
    return false;
  }
  if (set.lower) {
    const int order = Compare(value, set.lower->value);
    if (order < 0 || (order == 0 && set.lower->exclusive)) return false;
  }
  if (set.upper) {
    const int order = Compare(value, set.upper->value);
    if (order > 0 || (order == 0 && set.upper->exclusive)) return false;
  }
  for (const Decimal& excluded : set.excluded) {
    if (Compare(value, excluded) == 0) return false;
  }
  return std::all_of(set.multiples.begin(), set.multiples.end(), [&](const auto& multiple) {
    return Divides(multiple, value, limits) != multiple.negated;
  });
}

/// Every spelling of these numbers without an exponent.
Result<Dfa> ListDfa(const std::vector<Decimal>& values, bool plain, const GrammarLimits& limits) {
  std::string pattern;
  for (const Decimal& value : values) {
    if (value.WrittenLength() > limits.number_digits) {
      return Fail(ErrorCode::kInvalidArgument, "a number of an enumeration has too many digits");
    }
    if (!pattern.empty()) pattern += '|';
    if (value.negative) pattern += '-';
    if (value.zero()) pattern += "-?";
    const std::string fraction = value.FractionPart();
    pattern += value.IntegerPart();
    if (!fraction.empty()) {
      pattern += "\\." + fraction + "0*";
    } else if (!plain) {
      pattern += "(?:\\.0+)?";
    }
  }
  if (values.empty()) pattern = "[]";
  return CompileRegex(pattern, RegexMatch::kWhole, limits);
}

}  // namespace

void NumberSet::AddLower(Bound bound) {
  if (lower) {
    const int order = Compare(bound.value, lower->value);
    if (order < 0 || (order == 0 && !bound.exclusive)) return;
  }
  lower = std::move(bound);
}

void NumberSet::AddUpper(Bound bound) {
  if (upper) {
    const int order = Compare(bound.value, upper->value);
    if (order > 0 || (order == 0 && !bound.exclusive)) return;
  }
  upper = std::move(bound);
}

void NumberSet::Restrict(Whole kind) {
  if (kind == Whole::kEither) return;
  if (whole != Whole::kEither && whole != kind) nothing = true;
  whole = kind;
}

void NumberSet::And(const NumberSet& other) {
  if (other.lower) AddLower(*other.lower);
  if (other.upper) AddUpper(*other.upper);
  Restrict(other.whole);
  plain = plain || other.plain;
  nothing = nothing || other.nothing;
  multiples.insert(multiples.end(), other.multiples.begin(), other.multiples.end());
  excluded.insert(excluded.end(), other.excluded.begin(), other.excluded.end());
  if (!other.only) return;
  if (!only) {
    only = other.only;
    return;
  }
  std::erase_if(*only, [&](const Decimal& mine) {
    return std::none_of(other.only->begin(), other.only->end(),
                        [&](const Decimal& theirs) { return Compare(mine, theirs) == 0; });
  });
}

Result<Dfa> NumberDfa(const NumberSet& set, const GrammarLimits& limits) {
  if (set.nothing) return ListDfa({}, false, limits);
  Reader reader(set);
  if (auto prepared = reader.Prepare(set, limits); !prepared) {
    return tl::unexpected(prepared.error());
  }
  if (set.only) {
    std::vector<Decimal> values = *set.only;
    std::erase_if(values, [&](const Decimal& value) { return !Fits(set, value, limits); });
    return ListDfa(values, set.plain, limits);
  }
  auto dfa = Explore(reader, limits);
  if (!dfa || set.excluded.empty()) return dfa;
  const auto excluded = ListDfa(set.excluded, false, limits);
  if (!excluded) return excluded;
  return Combine(*dfa, *excluded, DfaOperation::kMinus, limits);
}

}  // namespace dure::text
