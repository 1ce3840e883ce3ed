#include "text/tool_calls/call_matcher.h"

#include <algorithm>
#include <utility>

namespace dure::text {
namespace {

using Kind = CallMatch::Kind;

// Wider than kMostCallSpace, which is for what we constrain: what a model writes freely is read.
constexpr size_t kMostSpaceRead = 64;

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

CallPieces Joined(const CallPieces& a, const CallPieces& b) {
  CallPieces out = a;
  out.insert(out.end(), b.begin(), b.end());
  return out;
}

/// Letters at the front of `text`, at most `most` + 1.
template <typename Test>
size_t Run(std::string_view text, size_t most, Test test) {
  size_t length = 0;
  while (length < text.size() && length <= most && test(text[length])) ++length;
  return length;
}

CallMatch Partial() { return {Kind::kPartial, 0, 0, ""}; }

}  // namespace

CallMatcher::CallMatcher(const ToolFormat& format, std::vector<std::string> names)
    : format_(format), names_(std::move(names)) {
  for (const CallShape& shape : format.shapes) {
    first_.push_back(Joined(format.begin, shape.head));
    next_.push_back(Joined(format.between, shape.head));
  }
}

CallMatch CallMatcher::Match(std::span<const CallPiece> pieces, std::string_view text) const {
  CallMatch match;
  std::string_view rest = text;
  for (const CallPiece& piece : pieces) {
    size_t length = 0;
    switch (piece.kind) {
      case CallPiece::Kind::kText:
        if (!rest.starts_with(piece.text)) {
          return std::string_view(piece.text).starts_with(rest) ? Partial() : CallMatch();
        }
        length = piece.text.size();
        break;
      case CallPiece::Kind::kSpace:
        length = Run(rest, kMostSpaceRead, IsSpace);
        if (length > kMostSpaceRead) return {};
        break;
      case CallPiece::Kind::kName:
      case CallPiece::Kind::kWord:
        length = Run(rest, kMostNameLetters, IsNameLetter);
        if (length > kMostNameLetters) return {};
        if (length == rest.size()) return Partial();
        if (length == 0) return {};
        if (piece.kind == CallPiece::Kind::kWord) break;
        match.name = rest.substr(0, length);
        if (std::find(names_.begin(), names_.end(), match.name) == names_.end()) return {};
        break;
    }
    rest.remove_prefix(length);
  }
  match.kind = Kind::kFull;
  match.length = text.size() - rest.size();
  return match;
}

CallMatch CallMatcher::MatchHeads(const std::vector<CallPieces>& heads, std::string_view text,
                                  bool at_start) const {
  CallMatch best;
  for (size_t shape = 0; shape < heads.size(); ++shape) {
    if (format_.shapes[shape].at_start && !at_start) continue;
    CallMatch match = Match(heads[shape], text);
    if (match.kind == Kind::kFull) {
      if (match.length == text.size()) {
        match = Partial();
      } else if (text[match.length] != '{') {
        continue;
      }
    }
    match.shape = shape;
    const bool better = match.kind == Kind::kFull
                            ? best.kind != Kind::kFull || match.length < best.length
                            : match.kind == Kind::kPartial && best.kind == Kind::kNo;
    if (better) best = std::move(match);
  }
  return best;
}

CallMatch CallMatcher::First(std::string_view text, bool answer_begins) const {
  return MatchHeads(first_, text, answer_begins);
}

CallMatch CallMatcher::Next(std::string_view text) const { return MatchHeads(next_, text, true); }

CallMatch CallMatcher::Tail(std::string_view text, size_t shape) const {
  return Match(format_.shapes[shape].tail, text);
}

CallMatch CallMatcher::EndOfList(std::string_view text) const {
  return format_.end.empty() ? CallMatch() : Match(format_.end, text);
}

size_t JsonObjectScanner::Feed(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
      }
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (c == '}' || c == ']') {
      if (depth_ <= 1) {
        done_ = true;
        return i + 1;
      }
      --depth_;
    }
  }
  return text.size();
}

}  // namespace dure::text
