#include "text/grammar/json_document.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "text/unicode.h"

namespace dure::text {
namespace {

class Parser {
 public:
  Parser(std::string_view text, int depth) : text_(text), most_depth_(depth) {}

  Result<JsonValue> Parse() {
    auto value = Value(0);
    if (!value) return value;
    SkipSpace();
    if (at_ != text_.size()) return Bad("something follows the JSON value");
    return value;
  }

 private:
  tl::unexpected<Error> Bad(const std::string& what) const {
    return Fail(ErrorCode::kInvalidArgument, "JSON, byte " + std::to_string(at_) + ": " + what);
  }
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool Take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void SkipSpace() {
    while (at_ < text_.size() && std::string_view(" \t\n\r").find(text_[at_]) != text_.npos) ++at_;
  }

  Result<JsonValue> Value(int depth);
  Result<JsonValue> Array(int depth);
  Result<JsonValue> Object(int depth);
  Result<JsonValue> Number();
  Result<std::string> String();
  Result<void> EscapeInto(std::string& out);
  std::optional<char32_t> Hex4();

  std::string_view text_;
  int most_depth_;
  size_t at_ = 0;
};

Result<JsonValue> Parser::Value(int depth) {
  SkipSpace();
  if (depth > most_depth_) {
    return Bad("nested more than " + std::to_string(most_depth_) + " levels deep");
  }
  JsonValue value;
  const char c = Peek();
  if (c == '{') return Object(depth);
  if (c == '[') return Array(depth);
  if (c == '"') {
    auto text = String();
    if (!text) return tl::unexpected(text.error());
    value.kind = JsonValue::Kind::kString;
    value.text = std::move(*text);
    return value;
  }
  constexpr std::pair<std::string_view, JsonValue::Kind> kWords[] = {
      {"null", JsonValue::Kind::kNull},
      {"false", JsonValue::Kind::kFalse},
      {"true", JsonValue::Kind::kTrue}};
  for (const auto& [word, kind] : kWords) {
    if (text_.substr(at_, word.size()) == word) {
      at_ += word.size();
      value.kind = kind;
      return value;
    }
  }
  return Number();
}

Result<JsonValue> Parser::Number() {
  const size_t begin = at_;
  while (at_ < text_.size() && std::string_view("+-.eE0123456789").find(text_[at_]) != text_.npos) {
    ++at_;
  }
  JsonValue value;
  value.kind = JsonValue::Kind::kNumber;
  value.text = std::string(text_.substr(begin, at_ - begin));
  if (!Decimal::Parse(value.text)) {
    at_ = begin;
    return Bad("no JSON value, or a number that is too large");
  }
  return value;
}

Result<JsonValue> Parser::Array(int depth) {
  JsonValue value;
  value.kind = JsonValue::Kind::kArray;
  Take('[');
  SkipSpace();
  if (Take(']')) return value;
  do {
    auto item = Value(depth + 1);
    if (!item) return item;
    value.items.push_back(std::move(*item));
    SkipSpace();
  } while (Take(','));
  if (!Take(']')) return Bad("expected , or ]");
  return value;
}

Result<JsonValue> Parser::Object(int depth) {
  JsonValue value;
  value.kind = JsonValue::Kind::kObject;
  std::unordered_set<std::string> names;
  Take('{');
  SkipSpace();
  if (Take('}')) return value;
  do {
    SkipSpace();
    if (Peek() != '"') return Bad("expected a name in quotes");
    auto name = String();
    if (!name) return tl::unexpected(name.error());
    if (!names.insert(*name).second) return Bad("the name \"" + *name + "\" comes twice");
    SkipSpace();
    if (!Take(':')) return Bad("expected :");
    auto member = Value(depth + 1);
    if (!member) return member;
    value.members.push_back({std::move(*name), std::move(*member)});
    SkipSpace();
  } while (Take(','));
  if (!Take('}')) return Bad("expected , or }");
  return value;
}

std::optional<char32_t> Parser::Hex4() {
  if (at_ + 4 > text_.size()) return std::nullopt;
  char32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = text_[at_ + i];
    const char lower = static_cast<char>(c | 0x20);
    if (c >= '0' && c <= '9') {
      value = value * 16 + static_cast<char32_t>(c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      value = value * 16 + static_cast<char32_t>(lower - 'a' + 10);
    } else {
      return std::nullopt;
    }
  }
  at_ += 4;
  return value;
}

Result<void> Parser::EscapeInto(std::string& out) {
  constexpr std::string_view kFrom = "\"\\/bfnrt";
  constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
  const char c = Peek();
  ++at_;
  if (const size_t found = kFrom.find(c); found != kFrom.npos && at_ <= text_.size()) {
    out += kTo[found];
    return {};
  }
  if (c != 'u') return Bad("an escape that JSON does not have");
  auto unit = Hex4();
  if (!unit) return Bad("an escape needs four hexadecimal digits");
  if (*unit >= 0xD800 && *unit <= 0xDBFF && text_.substr(at_, 2) == "\\u") {
    at_ += 2;
    const auto low = Hex4();
    if (!low || *low < 0xDC00 || *low > 0xDFFF) return Bad("half a surrogate pair");
    unit = 0x10000 + ((*unit - 0xD800) << 10) + (*low - 0xDC00);
  } else if (*unit >= 0xD800 && *unit <= 0xDFFF) {
    return Bad("half a surrogate pair");
  }
  AppendUtf8(*unit, out);
  return {};
}

Result<std::string> Parser::String() {
  std::string out;
  Take('"');
  while (!Take('"')) {
    if (at_ >= text_.size()) return Bad("a string does not end");
    if (Take('\\')) {
      if (auto escaped = EscapeInto(out); !escaped) return tl::unexpected(escaped.error());
      continue;
    }
    if (static_cast<unsigned char>(text_[at_]) < 0x20) return Bad("a control character");
    const size_t length = StrictCharLength(text_, at_);
    if (length == 0) return Bad("bytes that are not UTF-8");
    out += text_.substr(at_, length);
    at_ += length;
  }
  return out;
}

void AppendCanonical(const JsonValue& value, std::string& out) {
  switch (value.kind) {
    case JsonValue::Kind::kNull:
      out += 'n';
      return;
    case JsonValue::Kind::kFalse:
      out += 'f';
      return;
    case JsonValue::Kind::kTrue:
      out += 't';
      return;
    case JsonValue::Kind::kNumber: {
      const auto number = Decimal::Parse(value.text);
      out += number ? number->Canonical() : value.text;
      return;
    }
    case JsonValue::Kind::kString:
      out += '"' + std::to_string(value.text.size()) + ':' + value.text;
      return;
    case JsonValue::Kind::kArray:
      out += '[';
      for (const JsonValue& item : value.items) {
        AppendCanonical(item, out);
        out += ',';
      }
      out += ']';
      return;
    case JsonValue::Kind::kObject: {
      std::vector<const JsonMember*> sorted;
      for (const auto& member : value.members) sorted.push_back(&member);
      std::sort(sorted.begin(), sorted.end(),
                [](const auto* a, const auto* b) { return a->name < b->name; });
      out += '{';
      for (const auto* member : sorted) {
        out += std::to_string(member->name.size()) + ':' + member->name;
        AppendCanonical(member->value, out);
      }
      out += '}';
      return;
    }
  }
}

}  // namespace

const JsonValue* JsonValue::Find(std::string_view name) const {
  for (const auto& [key, value] : members) {
    if (key == name) return &value;
  }
  return nullptr;
}

Result<JsonValue> ParseJsonDocument(std::string_view text, int depth) {
  return Parser(text, depth).Parse();
}

std::string CanonicalJson(const JsonValue& value) {
  std::string out;
  AppendCanonical(value, out);
  return out;
}

std::string PointerStep(std::string_view name) {
  std::string out = "/";
  for (const char c : name) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace dure::text
