#include "text/grammar/decimal.h"

#include <algorithm>
#include <cstdlib>

namespace dure::text {
namespace {

constexpr int64_t kMostExponent = 1'000'000;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// -1, 0, 1 for magnitudes.
int CompareMagnitude(const Decimal& a, const Decimal& b) {
  if (a.zero() || b.zero()) return static_cast<int>(b.zero()) - static_cast<int>(a.zero());
  const int64_t before_a = static_cast<int64_t>(a.digits.size()) + a.exponent;
  const int64_t before_b = static_cast<int64_t>(b.digits.size()) + b.exponent;
  if (before_a != before_b) return before_a < before_b ? -1 : 1;
  return a.digits.compare(b.digits);
}

}  // namespace

std::optional<Decimal> Decimal::Parse(std::string_view text) {
  Decimal out;
  size_t i = 0;
  if (i < text.size() && text[i] == '-') {
    out.negative = true;
    ++i;
  }
  const size_t first = i;
  while (i < text.size() && IsDigit(text[i])) out.digits += text[i++];
  if (i == first || (text[first] == '0' && i > first + 1)) return std::nullopt;
  if (i < text.size() && text[i] == '.') {
    const size_t point = ++i;
    while (i < text.size() && IsDigit(text[i])) out.digits += text[i++];
    if (i == point) return std::nullopt;
    out.exponent = -static_cast<int64_t>(i - point);
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    bool minus = false;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) minus = text[i++] == '-';
    const size_t begin = i;
    int64_t power = 0;
    while (i < text.size() && IsDigit(text[i])) {
      power = std::min<int64_t>(power * 10 + (text[i++] - '0'), kMostExponent + 1);
    }
    if (i == begin) return std::nullopt;
    if (power > kMostExponent) return std::nullopt;
    out.exponent += minus ? -power : power;
  }
  if (i != text.size()) return std::nullopt;
  out.digits.erase(0, std::min(out.digits.find_first_not_of('0'), out.digits.size()));
  while (!out.digits.empty() && out.digits.back() == '0') {
    out.digits.pop_back();
    ++out.exponent;
  }
  if (out.zero()) {
    out.negative = false;
    out.exponent = 0;
  }
  return out;
}

std::string Decimal::IntegerPart() const {
  const int64_t before = static_cast<int64_t>(digits.size()) + exponent;
  if (zero() || before <= 0) return "0";
  if (exponent >= 0) return digits + std::string(exponent, '0');
  return digits.substr(0, before);
}

std::string Decimal::FractionPart() const {
  if (exponent >= 0) return "";
  const int64_t before = static_cast<int64_t>(digits.size()) + exponent;
  if (before >= 0) return digits.substr(before);
  return std::string(-before, '0') + digits;
}

int64_t Decimal::WrittenLength() const {
  return static_cast<int64_t>(digits.size()) + std::abs(exponent);
}

std::optional<int64_t> Decimal::AsInteger(int64_t most) const {
  if (!integer() || WrittenLength() > 18) return std::nullopt;
  int64_t value = 0;
  for (const char c : IntegerPart()) value = value * 10 + (c - '0');
  if (value > most) return std::nullopt;
  return negative ? -value : value;
}

std::string Decimal::Canonical() const {
  return (negative ? "-" : "") + (zero() ? "0" : digits) + "e" + std::to_string(exponent);
}

int Compare(const Decimal& a, const Decimal& b) {
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  const int magnitude = CompareMagnitude(a, b);
  return a.negative ? -magnitude : magnitude;
}

}  // namespace dure::text
