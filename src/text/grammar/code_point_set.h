// Sets of Unicode code points as sorted ranges.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

namespace dure::text {

constexpr char32_t kLastCodePoint = 0x10FFFF;

struct CodePointRange {
  char32_t first = 0;
  char32_t last = 0;  // inclusive
  auto operator<=>(const CodePointRange&) const = default;
};

/// A value type. Ranges are ascending and neither overlap nor touch.
class CodePointSet {
 public:
  CodePointSet() = default;
  explicit CodePointSet(std::vector<CodePointRange> ranges);
  static CodePointSet All() { return CodePointSet({{0, kLastCodePoint}}); }

  void Add(char32_t first, char32_t last);
  void Add(char32_t one) { Add(one, one); }
  void Add(const CodePointSet& other);
  CodePointSet Complement() const;
  bool empty() const { return ranges_.empty(); }
  const std::vector<CodePointRange>& ranges() const { return ranges_; }
  auto operator<=>(const CodePointSet&) const = default;

 private:
  void Normalise();
  std::vector<CodePointRange> ranges_;
};

}  // namespace dure::text
