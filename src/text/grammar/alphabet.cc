#include <algorithm>
#include <map>

#include "text/grammar/dfa.h"
#include "text/unicode.h"

namespace dure::text {
namespace {

constexpr char32_t kFirstSurrogate = 0xD800;
constexpr char32_t kLastSurrogate = 0xDFFF;

uint64_t ScalarsIn(char32_t first, char32_t last) {
  uint64_t count = last - first + 1;
  const char32_t low = std::max(first, kFirstSurrogate);
  const char32_t high = std::min(last, kLastSurrogate);
  if (low <= high) count -= high - low + 1;
  return count;
}

}  // namespace

Alphabet::Alphabet(std::span<const CodePointSet> sets) {
  std::vector<char32_t> starts = {0};
  for (const CodePointSet& set : sets) {
    for (const CodePointRange& range : set.ranges()) {
      starts.push_back(range.first);
      if (range.last < kLastCodePoint) starts.push_back(range.last + 1);
    }
  }
  std::sort(starts.begin(), starts.end());
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());

  // The signature of a piece is the list of sets it lies in.
  std::vector<std::vector<uint32_t>> members(starts.size());
  for (uint32_t s = 0; s < sets.size(); ++s) {
    for (const CodePointRange& range : sets[s].ranges()) {
      auto at = std::lower_bound(starts.begin(), starts.end(), range.first) - starts.begin();
      for (; at < static_cast<ptrdiff_t>(starts.size()) && starts[at] <= range.last; ++at) {
        members[at].push_back(s);
      }
    }
  }
  std::map<std::vector<uint32_t>, int> classes;
  ranges_.clear();
  for (size_t i = 0; i < starts.size(); ++i) {
    const int next = static_cast<int>(classes.size());
    const int klass = classes.emplace(std::move(members[i]), next).first->second;
    const char32_t last = i + 1 < starts.size() ? starts[i + 1] - 1 : kLastCodePoint;
    if (!ranges_.empty() && ranges_.back().klass == klass) {
      ranges_.back().last = last;
    } else {
      ranges_.push_back({starts[i], last, klass});
    }
  }
  size_ = static_cast<int>(classes.size());
  FillAscii();
}

Alphabet Alphabet::Join(const Alphabet& a, const Alphabet& b,
                        std::vector<std::pair<int, int>>& pairs) {
  Alphabet joined;
  joined.ranges_.clear();
  std::map<std::pair<int, int>, int> classes;
  pairs.clear();
  size_t i = 0;
  size_t j = 0;
  char32_t first = 0;
  while (first <= kLastCodePoint) {
    const char32_t last = std::min(a.ranges_[i].last, b.ranges_[j].last);
    const std::pair<int, int> pair = {a.ranges_[i].klass, b.ranges_[j].klass};
    const auto [entry, added] = classes.emplace(pair, static_cast<int>(pairs.size()));
    if (added) pairs.push_back(pair);
    if (!joined.ranges_.empty() && joined.ranges_.back().klass == entry->second) {
      joined.ranges_.back().last = last;
    } else {
      joined.ranges_.push_back({first, last, entry->second});
    }
    if (a.ranges_[i].last == last) ++i;
    if (b.ranges_[j].last == last) ++j;
    first = last + 1;
  }
  joined.size_ = static_cast<int>(pairs.size());
  joined.FillAscii();
  return joined;
}

void Alphabet::FillAscii() {
  for (const Range& range : ranges_) {
    for (char32_t c = range.first; c <= range.last && c < 128; ++c) {
      ascii_[c] = static_cast<uint16_t>(range.klass);
    }
  }
}

size_t Alphabet::FirstRange(char32_t code_point) const {
  const auto found =
      std::lower_bound(ranges_.begin(), ranges_.end(), code_point,
                       [](const Range& range, char32_t value) { return range.last < value; });
  return static_cast<size_t>(found - ranges_.begin());
}

std::vector<uint64_t> Alphabet::Sizes() const {
  std::vector<uint64_t> sizes(size_, 0);
  for (const Range& range : ranges_) sizes[range.klass] += ScalarsIn(range.first, range.last);
  return sizes;
}

std::u32string CodePoints(std::string_view utf8) {
  std::u32string out;
  for (size_t i = 0; i < utf8.size();) out.push_back(DecodeLenient(utf8, i));
  return out;
}

}  // namespace dure::text
