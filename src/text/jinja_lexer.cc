#include "text/jinja_lexer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "text/jinja_value.h"
#include "text/unicode.h"

namespace dure::text::jinja {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool IsNameChar(char c) { return IsNameStart(c) || IsDigit(c); }

int DigitValue(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

// One kind of line break, and no empty last line, as Jinja reads its source.
std::string NormalizeNewlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(NormalizeNewlines(source)), rest_(source_) {}

  std::vector<Token> Run() {
    while (position_ < rest_.size()) LexText();
    tokens_.push_back({TokenKind::kEnd, "", line_});
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void Fail(const std::string& message) const {
    throw TemplateError{ErrorCode::kInvalidArgument, message, line_};
  }

  bool At(std::string_view text) const { return rest_.substr(position_).starts_with(text); }
  char Peek(size_t ahead = 0) const {
    return position_ + ahead < rest_.size() ? rest_[position_ + ahead] : '\0';
  }

  void Advance(size_t count) {
    for (size_t i = 0; i < count; ++i) line_ += rest_[position_ + i] == '\n' ? 1 : 0;
    position_ += count;
  }

  // Length of the white space at `at`.
  size_t SpaceLength(size_t at) const {
    size_t i = at;
    while (i < rest_.size()) {
      size_t next = i;
      if (!IsPythonSpace(DecodeLenient(rest_, next))) break;
      i = next;
    }
    return i - at;
  }

  void Push(TokenKind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }

  static bool IsBlankFrom(std::string_view text, size_t from) {
    if (from == text.size()) return false;
    for (size_t i = from; i < text.size();) {
      if (!IsPythonSpace(DecodeLenient(text, i))) return false;
    }
    return true;
  }

  static size_t TrimmedEnd(std::string_view text) {
    size_t end = 0;
    for (size_t i = 0; i < text.size();) {
      if (!IsPythonSpace(DecodeLenient(text, i))) end = i;
    }
    return end;
  }

  // The text before a tag, stripped as the tag's sign ('-', '+' or none) and lstrip_blocks ask.
  std::string_view StripBeforeTag(std::string_view text, char sign, bool variable) const {
    if (sign == '-') return text.substr(0, TrimmedEnd(text));
    if (sign == '+' || variable) return text;
    const size_t newline = text.rfind('\n');
    const size_t line_start = newline == std::string_view::npos ? 0 : newline + 1;
    if ((line_start > 0 || line_starting_) && IsBlankFrom(text, line_start))
      return text.substr(0, line_start);
    return text;
  }

  void EmitText(std::string_view text) {
    if (!text.empty()) Push(TokenKind::kText, std::string(text));
  }

  char SignAt(size_t at) const {
    return at < rest_.size() && (rest_[at] == '-' || rest_[at] == '+') ? rest_[at] : '\0';
  }

  // Text up to the next tag, and the tag.
  void LexText() {
    size_t tag = position_;
    while (true) {
      tag = rest_.find('{', tag);
      if (tag == std::string_view::npos || tag + 1 >= rest_.size()) {
        EmitText(rest_.substr(position_));
        position_ = rest_.size();
        return;
      }
      const char next = rest_[tag + 1];
      if (next == '{' || next == '%' || next == '#') break;
      ++tag;
    }
    const char kind = rest_[tag + 1];
    const char sign = SignAt(tag + 2);
    EmitText(StripBeforeTag(rest_.substr(position_, tag - position_), sign, kind == '{'));
    Advance(tag - position_);
    if (kind == '%' && LexRaw()) return;
    Advance(sign == '\0' ? 2 : 3);
    line_starting_ = false;
    if (kind == '#') {
      SkipComment();
    } else if (kind == '{') {
      Push(TokenKind::kVariableBegin, "{{");
      LexTag("}}", TokenKind::kVariableEnd);
    } else {
      Push(TokenKind::kBlockBegin, "{%");
      LexTag("%}", TokenKind::kBlockEnd);
    }
  }

  // "{%- raw -%} ... {%- endraw -%}" at the position; false when another block stands there.
  bool LexRaw() {
    size_t at = position_ + 2 + (SignAt(position_ + 2) != '\0' ? 1 : 0);
    at += SpaceLength(at);
    if (!rest_.substr(at).starts_with("raw")) return false;
    at += 3;
    at += SpaceLength(at);
    const bool strip = at < rest_.size() && rest_[at] == '-';
    if (!rest_.substr(at + (strip ? 1 : 0)).starts_with("%}")) return false;
    at += strip ? 3 : 2;
    if (strip) at += SpaceLength(at);
    Advance(at - position_);
    line_starting_ = rest_[position_ - 1] == '\n';
    for (size_t end = rest_.find("{%", position_); end != std::string_view::npos;
         end = rest_.find("{%", end + 2)) {
      const char sign = SignAt(end + 2);
      size_t name = end + 2 + (sign != '\0' ? 1 : 0);
      name += SpaceLength(name);
      if (!rest_.substr(name).starts_with("endraw")) continue;
      name += 6;
      name += SpaceLength(name);
      const size_t length = TagEndLength(name, "%}", true);
      if (length == 0) continue;
      EmitText(StripBeforeTag(rest_.substr(position_, end - position_), sign, false));
      Advance(name + length - position_);
      line_starting_ = rest_[position_ - 1] == '\n';
      return true;
    }
    Fail("missing end of raw block");
  }

  // Length of "+%}", "-%}" with the white space after it, or "%}" with the newline after it; 0
  // where none is.
  size_t TagEndLength(size_t at, std::string_view end, bool plus_and_newline) const {
    const std::string_view here = rest_.substr(at);
    if (plus_and_newline && here.starts_with('+') && here.substr(1).starts_with(end))
      return 1 + end.size();
    if (here.starts_with('-') && here.substr(1).starts_with(end)) {
      return 1 + end.size() + SpaceLength(at + 1 + end.size());
    }
    if (!here.starts_with(end)) return 0;
    const bool newline = plus_and_newline && here.size() > end.size() && here[end.size()] == '\n';
    return end.size() + (newline ? 1 : 0);
  }

  void SkipComment() {
    for (size_t end = rest_.find("#}", position_); end != std::string_view::npos;) {
      const bool signed_end = end > position_ && (rest_[end - 1] == '-' || rest_[end - 1] == '+');
      const size_t start = signed_end ? end - 1 : end;
      Advance(start + TagEndLength(start, "#}", true) - position_);
      line_starting_ = rest_[position_ - 1] == '\n';
      return;
    }
    Fail("missing end of comment");
  }

  void LexTag(std::string_view end, TokenKind end_kind) {
    std::vector<char> open;
    while (true) {
      if (position_ >= rest_.size())
        Fail("missing end of tag, expected '" + std::string(end) + "'");
      if (open.empty()) {
        if (const size_t length = TagEndLength(position_, end, end_kind == TokenKind::kBlockEnd)) {
          Push(end_kind, std::string(end));
          Advance(length);
          line_starting_ = rest_[position_ - 1] == '\n';
          return;
        }
      }
      if (const size_t space = SpaceLength(position_)) {
        Advance(space);
      } else {
        LexToken(open);
      }
    }
  }

  void LexToken(std::vector<char>& open) {
    const char c = Peek();
    if (IsDigit(c)) {
      LexNumber();
    } else if (IsNameStart(c)) {
      size_t length = 1;
      while (IsNameChar(Peek(length))) ++length;
      Push(TokenKind::kName, std::string(rest_.substr(position_, length)));
      Advance(length);
    } else if (c == '\'' || c == '"') {
      LexString(c);
    } else {
      LexOperator(open);
    }
  }

  size_t DigitsLength(size_t at, int base) const {
    size_t i = at;
    while (i < rest_.size() &&
           (DigitValue(rest_[i]) < base || (rest_[i] == '_' && i > at && i + 1 < rest_.size() &&
                                            DigitValue(rest_[i + 1]) < base))) {
      ++i;
    }
    return i - at;
  }

  void LexNumber() {
    size_t length = 0;
    TokenKind kind = TokenKind::kInteger;
    const char marker = static_cast<char>(Peek(1) | 0x20);
    const int base = Peek() != '0'   ? 10
                     : marker == 'x' ? 16
                     : marker == 'o' ? 8
                     : marker == 'b' ? 2
                                     : 10;
    if (base != 10 && DigitsLength(position_ + 2, base) > 0) {
      length = 2 + DigitsLength(position_ + 2, base);
    } else {
      length = DigitsLength(position_, 10);
      if (Peek(length) == '.' && IsDigit(Peek(length + 1))) {
        kind = TokenKind::kFloat;
        length += 1 + DigitsLength(position_ + length + 1, 10);
      }
      if ((Peek(length) | 0x20) == 'e') {
        const size_t sign = Peek(length + 1) == '+' || Peek(length + 1) == '-' ? 1 : 0;
        const size_t digits = DigitsLength(position_ + length + 1 + sign, 10);
        if (digits > 0) {
          kind = TokenKind::kFloat;
          length += 1 + sign + digits;
        }
      }
    }
    std::string text(rest_.substr(position_, length));
    std::erase(text, '_');
    Push(kind, std::move(text));
    Advance(length);
  }

  void LexString(char quote) {
    size_t end = position_ + 1;
    while (end < rest_.size() && rest_[end] != quote) end += rest_[end] == '\\' ? 2 : 1;
    if (end >= rest_.size()) Fail("string without an end");
    Push(TokenKind::kString, Unescape(rest_.substr(position_ + 1, end - position_ - 1)));
    Advance(end + 1 - position_);
  }

  // Python's escapes.
  std::string Unescape(std::string_view text) const {
    std::string out;
    for (size_t i = 0; i < text.size();) {
      if (text[i] != '\\' || i + 1 >= text.size()) {
        out += text[i++];
        continue;
      }
      const char c = text[i + 1];
      constexpr std::string_view kLetters = "\\'\"abfnrtv";
      constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
      const size_t letter = kLetters.find(c);
      i += 2;
      if (letter != std::string_view::npos) {
        out += kMeanings[letter];
      } else if (c == 'x' || c == 'u' || c == 'U') {
        AppendNumericEscape(text, i, c == 'x' ? 2 : c == 'u' ? 4 : 8, 16, out);
      } else if (c >= '0' && c <= '7') {
        size_t digits = 1;
        while (digits < 3 && i - 1 + digits < text.size() && DigitValue(text[i - 1 + digits]) < 8)
          ++digits;
        --i;
        AppendNumericEscape(text, i, digits, 8, out);
      } else if (c != '\n') {
        out += '\\';
        out += c;
      }
    }
    return out;
  }

  void AppendNumericEscape(std::string_view text, size_t& i, size_t digits, int base,
                           std::string& out) const {
    if (text.size() - i < digits) Fail("truncated escape in a string");
    char32_t code = 0;
    for (size_t k = 0; k < digits; ++k) {
      const int digit = DigitValue(text[i + k]);
      if (digit >= base) Fail("bad escape in a string");
      code = code * static_cast<char32_t>(base) + static_cast<char32_t>(digit);
    }
    if (code > 0x10FFFF) Fail("escape beyond Unicode in a string");
    i += digits;
    AppendUtf8(code, out);
  }

  void LexOperator(std::vector<char>& open) {
    static constexpr std::array<std::string_view, 6> kTwo = {"//", "**", "==", "!=", ">=", "<="};
    static constexpr std::string_view kOne = "+-/*%~[](){}><=.:|,;";
    for (const std::string_view two : kTwo) {
      if (At(two)) {
        Push(TokenKind::kOperator, std::string(two));
        Advance(2);
        return;
      }
    }
    const char c = Peek();
    if (kOne.find(c) == std::string_view::npos)
      Fail("unexpected character '" + std::string(1, c) + "'");
    if (c == '(' || c == '[' || c == '{') open.push_back(c == '(' ? ')' : c == '[' ? ']' : '}');
    if (c == ')' || c == ']' || c == '}') {
      if (open.empty() || open.back() != c) Fail("unexpected '" + std::string(1, c) + "'");
      open.pop_back();
    }
    Push(TokenKind::kOperator, std::string(1, c));
    Advance(1);
  }

  const std::string source_;
  const std::string_view rest_;
  size_t position_ = 0;
  uint32_t line_ = 1;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> Tokenize(std::string_view source) { return Lexer(source).Run(); }

}  // namespace dure::text::jinja
