#include <optional>
#include <string>

#include "text/grammar/regex_syntax.h"
#include "text/unicode.h"

namespace dure::text {
namespace {

using NodePtr = std::unique_ptr<RegexNode>;

CodePointSet Digits() { return CodePointSet({{'0', '9'}}); }
CodePointSet WordCharacters() {
  return CodePointSet({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}});
}
/// WhiteSpace and LineTerminator of ECMA-262.
CodePointSet Spaces() {
  return CodePointSet({{0x09, 0x0D},
                       {0x20, 0x20},
                       {0xA0, 0xA0},
                       {0x1680, 0x1680},
                       {0x2000, 0x200A},
                       {0x2028, 0x2029},
                       {0x202F, 0x202F},
                       {0x205F, 0x205F},
                       {0x3000, 0x3000},
                       {0xFEFF, 0xFEFF}});
}
CodePointSet AnyButLineEnds() {
  return CodePointSet({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}).Complement();
}

class Parser {
 public:
  Parser(std::string_view text, const GrammarLimits& limits) : text_(text), limits_(limits) {}

  Result<NodePtr> Parse() {
    auto node = Choice(0);
    if (node && !AtEnd()) return Bad("a ) too many");
    return node;
  }

 private:
  bool AtEnd() const { return at_ >= text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[at_]; }
  bool Take(std::string_view what) {
    if (text_.substr(at_, what.size()) != what) return false;
    at_ += what.size();
    return true;
  }
  tl::unexpected<Error> Bad(const std::string& what) const {
    return Fail(ErrorCode::kInvalidArgument,
                "regular expression, byte " + std::to_string(at_) + ": " + what);
  }
  tl::unexpected<Error> Unsupported(const std::string& what) const {
    return Fail(ErrorCode::kUnsupported, "regular expression, byte " + std::to_string(at_) + ": " +
                                             what + " is not supported");
  }

  Result<NodePtr> Choice(int depth);
  Result<NodePtr> Sequence(int depth);
  Result<NodePtr> Term(int depth);
  Result<NodePtr> Group(int depth);
  Result<NodePtr> Quantified(NodePtr node);
  Result<void> NothingToRepeat();
  Result<bool> Braces(int64_t& min, int64_t& max);
  std::optional<int64_t> Number();
  Result<CodePointSet> Class();
  /// After the backslash. `one` receives the code point where it is a single one.
  Result<CodePointSet> Escape(bool in_class, std::optional<char32_t>& one);
  Result<char32_t> Hex(int digits);
  Result<char32_t> UnicodeEscape();

  std::string_view text_;
  const GrammarLimits& limits_;
  size_t at_ = 0;
};

NodePtr SetNode(CodePointSet set) {
  auto node = std::make_unique<RegexNode>();
  node->kind = RegexNode::Kind::kSet;
  node->set = std::move(set);
  return node;
}

Result<NodePtr> Parser::Choice(int depth) {
  if (depth > limits_.source_depth) return Bad("groups are nested too deeply");
  auto choice = std::make_unique<RegexNode>();
  choice->kind = RegexNode::Kind::kChoice;
  do {
    auto sequence = Sequence(depth);
    if (!sequence) return sequence;
    choice->children.push_back(std::move(*sequence));
  } while (Take("|"));
  if (choice->children.size() == 1) return std::move(choice->children[0]);
  return choice;
}

Result<NodePtr> Parser::Sequence(int depth) {
  auto sequence = std::make_unique<RegexNode>();
  while (!AtEnd() && Peek() != '|' && Peek() != ')') {
    auto term = Term(depth);
    if (!term) return term;
    sequence->children.push_back(std::move(*term));
  }
  return sequence;
}

Result<NodePtr> Parser::Term(int depth) {
  if (Take("^") || Take("$")) {
    auto node = std::make_unique<RegexNode>();
    node->kind = text_[at_ - 1] == '^' ? RegexNode::Kind::kTextStart : RegexNode::Kind::kTextEnd;
    return node;
  }
  if (Take("(")) {
    auto group = Group(depth);
    if (!group) return group;
    return Quantified(std::move(*group));
  }
  if (Take("[")) {
    auto set = Class();
    if (!set) return tl::unexpected(set.error());
    return Quantified(SetNode(std::move(*set)));
  }
  if (Take(".")) return Quantified(SetNode(AnyButLineEnds()));
  if (Take("\\")) {
    std::optional<char32_t> one;
    auto set = Escape(false, one);
    if (!set) return tl::unexpected(set.error());
    return Quantified(SetNode(std::move(*set)));
  }
  if (const auto nothing = NothingToRepeat(); !nothing) return tl::unexpected(nothing.error());
  const char32_t c = DecodeLenient(text_, at_);
  return Quantified(SetNode(CodePointSet({{c, c}})));
}

Result<NodePtr> Parser::Group(int depth) {
  if (Take("?")) {
    if (Take("=") || Take("!") || Take("<=") || Take("<!")) {
      return Unsupported("lookahead or lookbehind");
    }
    if (Take("<")) {
      const size_t end = text_.find('>', at_);
      if (end == std::string_view::npos || end == at_) return Bad("a group's name does not end");
      at_ = end + 1;
    } else if (!Take(":")) {
      return Unsupported("this kind of group");
    }
  }
  auto inside = Choice(depth + 1);
  if (!inside) return inside;
  if (!Take(")")) return Bad("a group does not end");
  return inside;
}

std::optional<int64_t> Parser::Number() {
  const size_t begin = at_;
  int64_t value = 0;
  while (Peek() >= '0' && Peek() <= '9') {
    value = value * 10 + (text_[at_++] - '0');
    if (value > limits_.repetition) value = limits_.repetition + 1;
  }
  if (at_ == begin) return std::nullopt;
  return value;
}

/// {n}, {n,} or {n,m}; false where the brace stands for itself.
Result<bool> Parser::Braces(int64_t& min, int64_t& max) {
  const size_t begin = at_;
  if (!Take("{")) return false;
  const auto low = Number();
  bool whole = low.has_value();
  if (whole) {
    min = max = *low;
    if (Take(",")) max = Number().value_or(-1);
    whole = Take("}");
  }
  if (!whole) {
    at_ = begin;
    return false;
  }
  if (min > limits_.repetition || max > limits_.repetition) {
    return Bad("a repetition of more than " + std::to_string(limits_.repetition));
  }
  if (max >= 0 && min > max) return Bad("the numbers of a repetition are out of order");
  return true;
}

/// An error where a quantifier stands and nothing is before it.
Result<void> Parser::NothingToRepeat() {
  int64_t min = 0;
  int64_t max = 0;
  const auto braces = Braces(min, max);
  if (!braces) return tl::unexpected(braces.error());
  if (*braces || Peek() == '*' || Peek() == '+' || Peek() == '?') return Bad("nothing to repeat");
  return {};
}

Result<NodePtr> Parser::Quantified(NodePtr node) {
  int64_t min = 0;
  int64_t max = -1;
  if (Take("*")) {
  } else if (Take("+")) {
    min = 1;
  } else if (Take("?")) {
    max = 1;
  } else {
    const auto braces = Braces(min, max);
    if (!braces) return tl::unexpected(braces.error());
    if (!*braces) return node;
  }
  Take("?");  // lazy: the same language
  if (const auto nothing = NothingToRepeat(); !nothing) return tl::unexpected(nothing.error());
  auto repeat = std::make_unique<RegexNode>();
  repeat->kind = RegexNode::Kind::kRepeat;
  repeat->min = min;
  repeat->max = max;
  repeat->children.push_back(std::move(node));
  return repeat;
}

Result<CodePointSet> Parser::Class() {
  const bool negated = Take("^");
  std::vector<CodePointRange> ranges;
  while (!Take("]")) {
    if (AtEnd()) return Bad("a character class does not end");
    std::optional<char32_t> low;
    const auto item = [&](std::optional<char32_t>& one) -> Result<CodePointSet> {
      if (Take("\\")) return Escape(true, one);
      one = DecodeLenient(text_, at_);
      return CodePointSet({{*one, *one}});
    };
    auto first = item(low);
    if (!first) return first;
    if (Peek() == '-' && at_ + 1 < text_.size() && text_[at_ + 1] != ']' && low) {
      ++at_;
      std::optional<char32_t> high;
      auto second = item(high);
      if (!second) return second;
      if (!high) {  // [a-\d]: three items
        ranges.push_back({'-', '-'});
        ranges.insert(ranges.end(), second->ranges().begin(), second->ranges().end());
      } else if (*high < *low) {
        return Bad("a range of a character class is out of order");
      } else {
        ranges.push_back({*low, *high});
      }
    }
    ranges.insert(ranges.end(), first->ranges().begin(), first->ranges().end());
  }
  CodePointSet set(std::move(ranges));
  return negated ? set.Complement() : set;
}

Result<char32_t> Parser::Hex(int digits) {
  char32_t value = 0;
  for (int i = 0; i < digits; ++i) {
    const char c = Peek();
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return Bad("hexadecimal digits are missing");
    value = value * 16 + static_cast<char32_t>(digit);
    ++at_;
  }
  return value;
}

/// After \u: four digits (two of them for a surrogate pair) or {...}.
Result<char32_t> Parser::UnicodeEscape() {
  if (Take("{")) {
    char32_t value = 0;
    while (!Take("}")) {
      const auto digit = Hex(1);
      if (!digit) return digit;
      value = value * 16 + *digit;
      if (value > kLastCodePoint) return Bad("a code point beyond U+10FFFF");
    }
    return value;
  }
  auto value = Hex(4);
  if (value && *value >= 0xD800 && *value <= 0xDBFF && Take("\\u")) {
    const auto low = Hex(4);
    if (!low) return low;
    if (*low < 0xDC00 || *low > 0xDFFF) return Bad("half a surrogate pair");
    return 0x10000 + ((*value - 0xD800) << 10) + (*low - 0xDC00);
  }
  return value;
}

Result<CodePointSet> Parser::Escape(bool in_class, std::optional<char32_t>& one) {
  if (AtEnd()) return Bad("a backslash at the end");
  const char32_t c = DecodeLenient(text_, at_);
  const auto single = [&one](char32_t value) {
    one = value;
    return CodePointSet({{value, value}});
  };
  switch (c) {
    case 'd':
      return Digits();
    case 'D':
      return Digits().Complement();
    case 'w':
      return WordCharacters();
    case 'W':
      return WordCharacters().Complement();
    case 's':
      return Spaces();
    case 'S':
      return Spaces().Complement();
    case 't':
      return single('\t');
    case 'n':
      return single('\n');
    case 'r':
      return single('\r');
    case 'f':
      return single('\f');
    case 'v':
      return single('\v');
    case 'b':
      if (in_class) return single('\b');
      return Unsupported("the word boundary \\b");
    case 'B':
      return Unsupported("\\B");
    case 'c': {
      const char letter = Peek();
      if ((letter | 0x20) < 'a' || (letter | 0x20) > 'z') return Bad("\\c needs a letter");
      ++at_;
      return single(static_cast<char32_t>(letter & 31));
    }
    case 'x': {
      const auto value = Hex(2);
      if (!value) return tl::unexpected(value.error());
      return single(*value);
    }
    case 'u': {
      const auto value = UnicodeEscape();
      if (!value) return tl::unexpected(value.error());
      return single(*value);
    }
    case 'p':
    case 'P': {
      const size_t end = text_.find('}', at_);
      if (!Take("{") || end == std::string_view::npos) return Bad("\\p needs a name in braces");
      auto set = UnicodeProperty(text_.substr(at_, end - at_));
      if (!set) return Unsupported("\\p{" + std::string(text_.substr(at_, end - at_)) + "}");
      at_ = end + 1;
      return c == 'p' ? std::move(*set) : set->Complement();
    }
    case '0':
      if (Peek() < '0' || Peek() > '9') return single(0);
      return Unsupported("an octal escape");
    default:
      break;
  }
  if (c >= '1' && c <= '9') return Unsupported("a backreference");
  if (c == 'k' && Peek() == '<') return Unsupported("a backreference");
  // Other letters mean something in other dialects (\A, \Z, \h ...): better refused than guessed.
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
    return Unsupported(std::string("\\") + static_cast<char>(c));
  }
  return single(c);
}

}  // namespace

Result<std::unique_ptr<RegexNode>> ParseRegex(std::string_view pattern,
                                              const GrammarLimits& limits) {
  if (pattern.size() > limits.source_bytes) {
    return Fail(ErrorCode::kInvalidArgument, "the regular expression is too long");
  }
  return Parser(pattern, limits).Parse();
}

Result<CodePointSet> UnicodeProperty(std::string_view name) {
  constexpr std::string_view kPrefixes[] = {"General_Category=", "gc="};
  for (const std::string_view prefix : kPrefixes) {
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  }
  struct Named {
    std::string_view name;
    uint8_t classes;
  };
  constexpr Named kNamed[] = {
      {"L", kLetter}, {"Letter", kLetter}, {"N", kNumber},      {"Number", kNumber},
      {"M", kMark},   {"Mark", kMark},     {"P", kPunctuation}, {"Punctuation", kPunctuation},
      {"S", kSymbol}, {"Symbol", kSymbol}};
  const auto collect = [](const auto& in) {
    std::vector<CodePointRange> ranges;
    for (char32_t c = 0; c <= kLastCodePoint; ++c) {
      if (!in(c)) continue;
      if (!ranges.empty() && ranges.back().last + 1 == c) {
        ranges.back().last = c;
      } else {
        ranges.push_back({c, c});
      }
    }
    return CodePointSet(std::move(ranges));
  };
  for (const Named& named : kNamed) {
    if (named.name != name) continue;
    return collect([&](char32_t c) { return (ClassOf(c) & named.classes) != 0; });
  }
  if (name == "Ll" || name == "Lowercase_Letter") return collect(IsLower);
  if (name == "Any") return CodePointSet::All();
  if (name == "ASCII") return CodePointSet({{0, 127}});
  return Fail(ErrorCode::kUnsupported, "this Unicode property");
}

}  // namespace dure::text
