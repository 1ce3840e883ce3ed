#include "text/jinja_text.h"

#include <algorithm>
#include <utility>

#include "text/unicode.h"

namespace dure::text::jinja {
namespace {

// Calls visit(code point, begin, end) for each character.
template <typename Visit>
void ForEachCharacter(std::string_view text, Visit visit) {
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    const char32_t c = DecodeLenient(text, i);
    visit(c, begin, i);
  }
}

bool IsLetter(char32_t c) { return (ClassOf(c) & kLetter) != 0; }

void AppendCharacter(char32_t c, bool input, TaintedString& out) {
  std::string spelled;
  AppendUtf8(c, spelled);
  out.Append(spelled, input);
}

// The characters whose upper case is more than one character, as far as they occur in European
// text.
std::string_view LongUpper(char32_t c) {
  switch (c) {
    case 0xDF:
      return "SS";
    case 0x149:
      return "\xCA\xBCN";
    case 0xFB00:
      return "FF";
    case 0xFB01:
      return "FI";
    case 0xFB02:
      return "FL";
    case 0xFB03:
      return "FFI";
    case 0xFB04:
      return "FFL";
    case 0xFB05:
    case 0xFB06:
      return "ST";
    default:
      return {};
  }
}

void AppendUpper(char32_t c, bool input, TaintedString& out) {
  const std::string_view longer = LongUpper(c);
  if (longer.empty()) {
    AppendCharacter(ToUpper(c), input, out);
  } else {
    out.Append(longer, input);
  }
}

// Title case: of what becomes two letters only the first is large.
void AppendTitle(char32_t c, bool input, TaintedString& out) {
  const std::string_view longer = LongUpper(c);
  if (longer.empty()) {
    AppendCharacter(ToTitle(c), input, out);
  } else if (longer.size() > 1 && static_cast<unsigned char>(longer[0]) < 0x80) {
    std::string text(longer);
    for (size_t i = 1; i < text.size(); ++i) text[i] = static_cast<char>(text[i] + 32);
    out.Append(text, input);
  } else {
    out.Append(longer, input);
  }
}

void AppendLower(char32_t c, bool input, TaintedString& out) {
  AppendCharacter(ToLower(c), input, out);
  if (c == 0x130) out.Append("\xCC\x87", input);
}

// Invalid bytes are copied, not replaced.
template <typename Map>
TaintedString MapCharacters(const TaintedString& text, Map map) {
  TaintedString out;
  ForEachCharacter(text.view(), [&](char32_t c, size_t begin, size_t end) {
    if (c == kReplacement) {
      out.AppendSlice(text, begin, end);
    } else {
      map(c, text.HasInput(begin, end), out);
    }
  });
  return out;
}

bool IsLineBreak(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

std::vector<TaintedString> SplitAtSpace(const TaintedString& text, int64_t count) {
  std::vector<TaintedString> parts;
  size_t word = std::string::npos;
  size_t rest = std::string::npos;
  ForEachCharacter(text.view(), [&](char32_t c, size_t begin, size_t) {
    if (rest != std::string::npos) return;
    const bool space = IsPythonSpace(c);
    if (!space && word == std::string::npos) {
      if (count >= 0 && static_cast<int64_t>(parts.size()) == count) {
        rest = begin;
      } else {
        word = begin;
      }
    } else if (space && word != std::string::npos) {
      parts.push_back(text.Slice(word, begin));
      word = std::string::npos;
    }
  });
  if (word != std::string::npos) parts.push_back(text.Slice(word, text.size()));
  if (rest != std::string::npos) parts.push_back(text.Slice(rest, text.size()));
  return parts;
}

std::vector<TaintedString> SplitAtSpaceFromRight(const TaintedString& text, int64_t count) {
  std::vector<std::pair<size_t, size_t>> words;
  bool inside = false;
  ForEachCharacter(text.view(), [&](char32_t c, size_t begin, size_t end) {
    if (IsPythonSpace(c)) {
      inside = false;
    } else if (inside) {
      words.back().second = end;
    } else {
      words.emplace_back(begin, end);
      inside = true;
    }
  });
  std::vector<TaintedString> parts;
  size_t first = 0;
  if (count >= 0 && words.size() > static_cast<size_t>(count)) {
    first = words.size() - static_cast<size_t>(count);
    parts.push_back(text.Slice(0, words[first - 1].second));
  }
  for (size_t i = first; i < words.size(); ++i)
    parts.push_back(text.Slice(words[i].first, words[i].second));
  return parts;
}

}  // namespace

TaintedString Strip(const TaintedString& text, Side side, const TaintedString* characters) {
  std::u32string set;
  if (characters != nullptr)
    ForEachCharacter(characters->view(), [&](char32_t c, size_t, size_t) { set += c; });
  const auto strips = [&](char32_t c) {
    return characters == nullptr ? IsPythonSpace(c) : set.find(c) != std::u32string::npos;
  };
  size_t first = text.size();
  size_t last = 0;
  ForEachCharacter(text.view(), [&](char32_t c, size_t begin, size_t end) {
    if (strips(c)) return;
    first = std::min(first, begin);
    last = end;
  });
  if (side == Side::kLeft) last = text.size();
  if (side == Side::kRight) first = 0;
  return first < last ? text.Slice(first, last) : TaintedString();
}

TaintedString ToUpperCase(const TaintedString& text) { return MapCharacters(text, AppendUpper); }
TaintedString ToLowerCase(const TaintedString& text) { return MapCharacters(text, AppendLower); }

TaintedString Capitalize(const TaintedString& text) {
  bool first = true;
  return MapCharacters(text, [&](char32_t c, bool input, TaintedString& out) {
    if (first) {
      AppendTitle(c, input, out);
    } else {
      AppendLower(c, input, out);
    }
    first = false;
  });
}

TaintedString TitleCase(const TaintedString& text, bool jinja_words) {
  bool word_starts = true;
  return MapCharacters(text, [&](char32_t c, bool input, TaintedString& out) {
    const bool breaks =
        IsPythonSpace(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
    const bool between = jinja_words ? breaks : !IsLetter(c);
    if (word_starts) {
      (jinja_words ? AppendUpper : AppendTitle)(c, input, out);
    } else {
      AppendLower(c, input, out);
    }
    word_starts = between;
  });
}

TaintedString Replace(const TaintedString& text, const TaintedString& from, const TaintedString& to,
                      int64_t count) {
  TaintedString out;
  size_t copied = 0;
  size_t at = 0;
  for (; count != 0; --count) {
    if (from.empty()) {
      // Between all characters, and at both ends.
      out.Append(to);
      if (at >= text.size()) break;
      DecodeLenient(text.view(), at);
    } else {
      at = text.view().find(from.view(), copied);
      if (at == std::string_view::npos) break;
    }
    out.AppendSlice(text, copied, at);
    if (!from.empty()) out.Append(to);
    copied = from.empty() ? at : at + from.size();
  }
  out.AppendSlice(text, std::min(copied, text.size()), text.size());
  return out;
}

std::vector<TaintedString> Split(const TaintedString& text, const TaintedString* separator,
                                 int64_t count, bool from_right) {
  if (separator == nullptr) {
    return from_right ? SplitAtSpaceFromRight(text, count) : SplitAtSpace(text, count);
  }
  if (separator->empty()) Throw("empty separator");
  std::vector<TaintedString> parts;
  size_t begin = 0;
  size_t end = text.size();
  while (count < 0 || static_cast<int64_t>(parts.size()) < count) {
    const size_t at = from_right ? text.view().substr(0, end).rfind(separator->view())
                                 : text.view().find(separator->view(), begin);
    if (at == std::string_view::npos) break;
    if (from_right) {
      parts.push_back(text.Slice(at + separator->size(), end));
      end = at;
    } else {
      parts.push_back(text.Slice(begin, at));
      begin = at + separator->size();
    }
  }
  parts.push_back(text.Slice(begin, end));
  if (from_right) std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<TaintedString> SplitLines(const TaintedString& text, bool keep_ends) {
  std::vector<TaintedString> lines;
  size_t start = 0;
  bool after_return = false;
  ForEachCharacter(text.view(), [&](char32_t c, size_t begin, size_t end) {
    const bool second_half = after_return && c == '\n';
    after_return = c == '\r';
    if (second_half) {
      if (keep_ends) lines.back().AppendSlice(text, begin, end);
      start = end;
    } else if (IsLineBreak(c)) {
      lines.push_back(text.Slice(start, keep_ends ? end : begin));
      start = end;
    }
  });
  if (start < text.size()) lines.push_back(text.Slice(start, text.size()));
  return lines;
}

TaintedString EscapeHtml(const TaintedString& text) {
  TaintedString out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text.bytes()[i];
    const std::string_view escaped = c == '&'    ? "&amp;"
                                     : c == '<'  ? "&lt;"
                                     : c == '>'  ? "&gt;"
                                     : c == '\'' ? "&#39;"
                                     : c == '"'  ? "&#34;"
                                                 : std::string_view();
    if (escaped.empty()) {
      out.AppendSlice(text, i, i + 1);
    } else {
      out.Append(escaped, text.HasInput(i, i + 1));
    }
  }
  return out;
}

}  // namespace dure::text::jinja
