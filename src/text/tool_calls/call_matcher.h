// Recognising the beginning and the end of a tool call in text that may not be all there yet.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/tool_calls/tool_format.h"

namespace dure::text {

struct CallMatch {
  enum class Kind {
    kNo,
    kPartial,  // as far as the text goes
    kFull,
  };
  Kind kind = Kind::kNo;
  size_t length = 0;  // with kFull: bytes matched
  size_t shape = 0;   // with kFull: of the format
  std::string name;   // likewise, of a call
};

/// Holds text against one format. Immutable; the format must outlive it.
class CallMatcher {
 public:
  CallMatcher(const ToolFormat& format, std::vector<std::string> names);

  /// A first call, up to the brace that opens its arguments. With several shapes the shortest match
  /// counts: it would have been found first had the text come byte by byte.
  CallMatch First(std::string_view text, bool answer_begins) const;
  /// A call after another one.
  CallMatch Next(std::string_view text) const;
  /// What closes a call, or the list of calls.
  CallMatch Tail(std::string_view text, size_t shape) const;
  CallMatch EndOfList(std::string_view text) const;

 private:
  CallMatch Match(std::span<const CallPiece> pieces, std::string_view text) const;
  CallMatch MatchHeads(const std::vector<CallPieces>& heads, std::string_view text,
                       bool at_start) const;

  const ToolFormat& format_;
  const std::vector<std::string> names_;
  std::vector<CallPieces> first_;  // by shape
  std::vector<CallPieces> next_;
};

/// Finds the end of a JSON object, by its brackets and strings alone.
class JsonObjectScanner {
 public:
  /// Bytes of `text` that belong to the object; done() says whether that was its end.
  size_t Feed(std::string_view text);
  bool done() const { return done_; }

 private:
  size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  bool done_ = false;
};

}  // namespace dure::text
