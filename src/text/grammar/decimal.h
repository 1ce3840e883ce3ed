// Exact decimal numbers, as JSON writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dure::text {

/// (negative ? -1 : 1) * digits * 10^exponent; digits have no zero at either end, zero has none.
struct Decimal {
  bool negative = false;
  std::string digits;
  int64_t exponent = 0;

  /// Reads a JSON number; nothing when it is none or its exponent is beyond +-10^6.
  static std::optional<Decimal> Parse(std::string_view text);
  bool zero() const { return digits.empty(); }
  bool integer() const { return exponent >= 0; }
  /// Digits before the decimal point ("0" where there are none) and after it. REQUIRES: the
  /// exponent is small.
  std::string IntegerPart() const;
  std::string FractionPart() const;
  /// Characters that writing it without an exponent takes, about.
  int64_t WrittenLength() const;
  /// The value where it is an integer of at most `most`.
  std::optional<int64_t> AsInteger(int64_t most) const;
  /// "-12e3": equal for equal numbers.
  std::string Canonical() const;
};

/// < 0, 0 or > 0.
int Compare(const Decimal& a, const Decimal& b);

}  // namespace dure::text
