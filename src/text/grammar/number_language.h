// The JSON numbers that numeric keywords allow, as an automaton over their spelling.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "text/grammar/decimal.h"
#include "text/grammar/dfa.h"
#include "text/grammar/limits.h"

namespace dure::text {

/// What is known of a number; the parts hold together (and).
struct NumberSet {
  enum class Whole { kEither, kInteger, kFraction };
  struct Bound {
    Decimal value;
    bool exclusive = false;
  };
  struct Multiple {
    Decimal of;
    bool negated = false;
  };
  Whole whole = Whole::kEither;
  std::optional<Bound> lower;
  std::optional<Bound> upper;
  std::vector<Multiple> multiples;
  std::vector<Decimal> excluded;
  std::optional<std::vector<Decimal>> only;
  bool plain = false;    // integers without a fraction, not even .0 (JSON Schema before draft 6)
  bool nothing = false;  // parts contradict each other

  void AddLower(Bound bound);
  void AddUpper(Bound bound);
  void Restrict(Whole kind);
  /// Both.
  void And(const NumberSet& other);
};

/// Spellings of exactly these numbers, with or without trailing zeros in the fraction. An exponent
/// is allowed where it cannot change the verdict: with bounds other than 0, excluded numbers or
/// multiples, numbers are written without. Errors: kInvalidArgument (a bound of too many digits, a
/// multipleOf beyond the limit).
Result<Dfa> NumberDfa(const NumberSet& set, const GrammarLimits& limits);

}  // namespace dure::text
