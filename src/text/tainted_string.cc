#include "text/tainted_string.h"

#include <algorithm>

namespace dure::text {
namespace {

// The first range that ends after `begin`.
std::vector<ByteRange>::const_iterator FirstBeyond(const std::vector<ByteRange>& ranges,
                                                   size_t begin) {
  return std::partition_point(ranges.begin(), ranges.end(),
                              [&](const ByteRange& r) { return r.end <= begin; });
}

}  // namespace

void TaintedString::Append(std::string_view bytes, bool from_input) {
  const size_t begin = bytes_.size();
  bytes_ += bytes;
  if (from_input) AddRange(begin, bytes_.size());
}

void TaintedString::AppendSlice(const TaintedString& other, size_t begin, size_t end) {
  const size_t offset = bytes_.size();
  for (auto range = FirstBeyond(other.input_, begin);
       range != other.input_.end() && range->begin < end; ++range) {
    AddRange(offset + std::max(range->begin, begin) - begin,
             offset + std::min(range->end, end) - begin);
  }
  bytes_.append(other.bytes_, begin, end - begin);
}

TaintedString TaintedString::Slice(size_t begin, size_t end) const {
  TaintedString result;
  result.AppendSlice(*this, begin, end);
  return result;
}

bool TaintedString::HasInput(size_t begin, size_t end) const {
  const auto range = FirstBeyond(input_, begin);
  return range != input_.end() && range->begin < end;
}

void TaintedString::AddRange(size_t begin, size_t end) {
  if (begin == end) return;
  if (!input_.empty() && input_.back().end == begin) {
    input_.back().end = end;
  } else {
    input_.push_back({begin, end});
  }
}

}  // namespace dure::text
