// A string that remembers which of its bytes come from input (messages, tools, arguments) and which
// the template itself wrote.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace dure::text {

class TaintedString {
 public:
  TaintedString() = default;

  static TaintedString Trusted(std::string_view bytes) {
    TaintedString result;
    result.AppendTrusted(bytes);
    return result;
  }
  static TaintedString Input(std::string_view bytes) {
    TaintedString result;
    result.AppendInput(bytes);
    return result;
  }

  void AppendTrusted(std::string_view bytes) { bytes_ += bytes; }
  void AppendInput(std::string_view bytes) { Append(bytes, true); }
  void Append(std::string_view bytes, bool from_input);
  void Append(const TaintedString& other) { AppendSlice(other, 0, other.size()); }
  /// Appends bytes [begin, end) of another string. REQUIRES: begin <= end <= other.size().
  void AppendSlice(const TaintedString& other, size_t begin, size_t end);

  TaintedString Slice(size_t begin, size_t end) const;

  const std::string& bytes() const { return bytes_; }
  std::string_view view() const { return bytes_; }
  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  /// Sorted, disjoint, none empty.
  const std::vector<ByteRange>& input_ranges() const { return input_; }
  bool HasInput() const { return !input_.empty(); }
  /// Whether any byte of [begin, end) comes from input.
  bool HasInput(size_t begin, size_t end) const;

 private:
  void AddRange(size_t begin, size_t end);

  std::string bytes_;
  std::vector<ByteRange> input_;
};

}  // namespace dure::text
