// Python's methods of str.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "text/jinja_evaluator.h"
#include "text/jinja_text.h"
#include "text/unicode.h"

namespace dure::text::jinja {
namespace {

const TaintedString& StringArgument(const Value& value, std::string_view what) {
  if (!value.IsString()) Throw(std::string(what) + " must be a string, not " + TypeName(value));
  return value.AsString();
}

// An argument that may be left out or none.
const TaintedString* OptionalString(const Arguments& a, size_t position, std::string_view name) {
  const Value* value = a.Find(position, name);
  return value == nullptr || value->IsNone() ? nullptr : &StringArgument(*value, name);
}

int64_t IntegerArgument(const Arguments& a, size_t position, std::string_view name,
                        int64_t fallback) {
  const Value* value = a.Find(position, name);
  if (value == nullptr || value->IsNone()) return fallback;
  if (!value->IsInteger())
    Throw(std::string(name) + " must be an integer, not " + TypeName(*value));
  return value->AsInteger();
}

Value ListOf(Evaluator& e, std::vector<TaintedString> parts) {
  std::vector<Value> values;
  values.reserve(parts.size());
  for (TaintedString& part : parts) values.push_back(e.String(std::move(part)));
  return e.MakeList(std::move(values));
}

template <Side side>
Value StripMethod(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(1, {"chars"});
  return e.String(Strip(self.AsString(), side, OptionalString(a, 0, "chars")));
}

template <TaintedString (*map)(const TaintedString&)>
Value MapMethod(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(0);
  return e.String(map(self.AsString()));
}

Value TitleMethod(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(0);
  return e.String(TitleCase(self.AsString(), false));
}

template <bool from_right>
Value SplitMethod(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(2, {"sep", "maxsplit"});
  e.ChargeBytes(self.AsString().size() * 4);
  return ListOf(e, Split(self.AsString(), OptionalString(a, 0, "sep"),
                         IntegerArgument(a, 1, "maxsplit", -1), from_right));
}

Value SplitLinesMethod(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(1, {"keepends"});
  const Value* keep = a.Find(0, "keepends");
  return ListOf(e, SplitLines(self.AsString(), keep != nullptr && IsTrue(*keep)));
}

Value ReplaceMethod(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(3, {"old", "new", "count"});
  const TaintedString& to = StringArgument(a.Require(1, "new"), "new");
  // The worst case: every character grows to the replacement.
  e.ChargeBytes(self.AsString().size() + to.size());
  const TaintedString& from = StringArgument(a.Require(0, "old"), "old");
  const uint64_t most =
      from.empty() ? self.AsString().size() + 1 : self.AsString().size() / from.size();
  if (to.size() > 0 && most > (uint64_t{1} << 32) / to.size())
    Throw("the result is too long", ErrorCode::kResourceExhausted);
  return e.String(Replace(self.AsString(), from, to, IntegerArgument(a, 2, "count", -1)));
}

// The text between the optional arguments start and end, counted in characters.
Value Window(Evaluator& e, const Value& self, const Arguments& a) {
  const Value* begin = a.Find(1, "start");
  const Value* end = a.Find(2, "end");
  if (begin == nullptr && end == nullptr) return self;
  return Slice(e, self, begin != nullptr ? *begin : Value(), end != nullptr ? *end : Value(),
               Value());
}

template <bool at_start>
Value AffixTest(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(3);
  const Value window = Window(e, self, a);
  const auto matches = [&](const Value& affix) {
    const std::string_view text = StringArgument(affix, "the affix").view();
    return at_start ? window.View().starts_with(text) : window.View().ends_with(text);
  };
  const Value& affix = a.Require(0, "prefix");
  if (!affix.IsList()) return Value(matches(affix));
  const auto& items = affix.AsList().items;
  return Value(std::any_of(items.begin(), items.end(), matches));
}

template <bool at_start>
Value RemoveAffix(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(1);
  const std::string_view affix = StringArgument(a.Require(0, "affix"), "the affix").view();
  const TaintedString& text = self.AsString();
  const bool there = at_start ? text.view().starts_with(affix) : text.view().ends_with(affix);
  if (!there) return self;
  return e.String(at_start ? text.Slice(affix.size(), text.size())
                           : text.Slice(0, text.size() - affix.size()));
}

template <bool from_right>
Value FindMethodOf(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(3);
  e.ChargeBytes(self.AsString().size());
  const std::string_view needle = StringArgument(a.Require(0, "sub"), "sub").view();
  const Value window = Window(e, self, a);
  const size_t at = from_right ? window.View().rfind(needle) : window.View().find(needle);
  if (at == std::string_view::npos) return Value(int64_t{-1});
  const int64_t size = static_cast<int64_t>(CountCodePoints(self.View()));
  int64_t offset = IntegerArgument(a, 1, "start", 0);
  if (offset < 0) offset = std::max<int64_t>(0, offset + size);
  return Value(offset + static_cast<int64_t>(CountCodePoints(window.View().substr(0, at))));
}

template <bool from_right>
Value IndexMethodOf(Evaluator& e, const Value& self, const Arguments& a) {
  const Value found = FindMethodOf<from_right>(e, self, a);
  if (found.AsInteger() < 0) Throw("substring not found");
  return found;
}

Value CountMethod(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(3);
  e.ChargeBytes(self.AsString().size());
  const std::string_view needle = StringArgument(a.Require(0, "sub"), "sub").view();
  const Value window = Window(e, self, a);
  if (needle.empty()) return Value(static_cast<int64_t>(CountCodePoints(window.View()) + 1));
  int64_t count = 0;
  for (size_t at = window.View().find(needle); at != std::string_view::npos;
       at = window.View().find(needle, at + needle.size())) {
    ++count;
  }
  return Value(count);
}

Value JoinMethod(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(1);
  TaintedString out;
  bool first = true;
  for (const Value& item : e.Items(a.Require(0, "iterable"))) {
    if (!first) out.Append(self.AsString());
    first = false;
    out.Append(StringArgument(item, "an item to join"));
    e.ChargeBytes(out.size() / 16);
  }
  return e.String(std::move(out));
}

// True for a string that is not empty and whose characters all pass.
template <bool (*test)(char32_t)>
Value AllOf(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(0);
  const std::string_view text = self.View();
  e.ChargeBytes(text.size());
  for (size_t i = 0; i < text.size();) {
    if (!test(DecodeLenient(text, i))) return Value(false);
  }
  return Value(!text.empty());
}

bool IsDecimal(char32_t c) { return c < 0x80 ? c >= '0' && c <= '9' : (ClassOf(c) & kNumber) != 0; }
bool IsAlpha(char32_t c) { return (ClassOf(c) & kLetter) != 0; }
bool IsAlnum(char32_t c) { return (ClassOf(c) & (kLetter | kNumber)) != 0; }

// isupper and islower: at least one cased character, and none of the other case.
template <bool upper>
Value IsCase(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(0);
  const std::string_view text = self.View();
  e.ChargeBytes(text.size());
  bool any = false;
  for (size_t i = 0; i < text.size();) {
    const char32_t c = DecodeLenient(text, i);
    if (upper ? IsLower(c) : IsUpper(c)) return Value(false);
    any = any || (upper ? IsUpper(c) : IsLower(c));
  }
  return Value(any);
}

TaintedString Padding(int64_t count, const Arguments& a) {
  const TaintedString* fill = OptionalString(a, 1, "fillchar");
  TaintedString out;
  for (int64_t i = 0; i < count; ++i) {
    if (fill != nullptr) {
      out.Append(*fill);
    } else {
      out.AppendTrusted(" ");
    }
  }
  return out;
}

template <Side side>
Value JustifyMethod(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(2, {"width", "fillchar"});
  const int64_t width = IntegerArgument(a, 0, "width", 0);
  if (width > 1'000'000) Throw("width is too large", ErrorCode::kResourceExhausted);
  const int64_t room = width - static_cast<int64_t>(CountCodePoints(self.View()));
  if (room <= 0) return self;
  // As CPython centres: the odd column goes left when the width is odd.
  const int64_t left = side == Side::kLeft    ? 0
                       : side == Side::kRight ? room
                                              : room / 2 + (room & width & 1);
  TaintedString out = Padding(left, a);
  out.Append(self.AsString());
  out.Append(Padding(room - left, a));
  return e.String(std::move(out));
}

// str.format with {}, {0} and {name}, without conversions or format specifications.
Value FormatMethod(Evaluator& e, const Value& self, const Arguments& a) {
  const TaintedString& format = self.AsString();
  const std::string_view text = format.view();
  TaintedString out;
  size_t next = 0;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if ((c == '{' || c == '}') && i + 1 < text.size() && text[i + 1] == c) {
      out.AppendSlice(format, i, i + 1);
      i += 2;
    } else if (c == '{') {
      const size_t end = text.find('}', i);
      if (end == std::string_view::npos) Throw("format: '{' without '}'");
      const std::string_view field = text.substr(i + 1, end - i - 1);
      const bool digits = !field.empty() && field.size() < 6 &&
                          field.find_first_not_of("0123456789") == std::string_view::npos;
      if (field.find_first_of(":!.[") != std::string_view::npos)
        Throw("format: '" + std::string(field) + "' is not supported", ErrorCode::kUnsupported);
      const size_t position = field.empty() ? next++
                              : digits      ? std::stoul(std::string(field))
                                            : SIZE_MAX;
      out.Append(ToString(a.Require(position, field)));
      e.Charge(2);
      e.ChargeBytes(out.size() / 16);
      i = end + 1;
    } else if (c == '}') {
      Throw("format: single '}'");
    } else {
      out.AppendSlice(format, i, i + 1);
      ++i;
    }
  }
  return e.String(std::move(out));
}

struct Entry {
  std::string_view name;
  MethodFunction function;
};

constexpr Entry kStringMethods[] = {
    {"strip", StripMethod<Side::kBoth>},
    {"lstrip", StripMethod<Side::kLeft>},
    {"rstrip", StripMethod<Side::kRight>},
    {"split", SplitMethod<false>},
    {"rsplit", SplitMethod<true>},
    {"splitlines", SplitLinesMethod},
    {"replace", ReplaceMethod},
    {"startswith", AffixTest<true>},
    {"endswith", AffixTest<false>},
    {"removeprefix", RemoveAffix<true>},
    {"removesuffix", RemoveAffix<false>},
    {"upper", MapMethod<ToUpperCase>},
    {"lower", MapMethod<ToLowerCase>},
    {"capitalize", MapMethod<Capitalize>},
    {"title", TitleMethod},
    {"find", FindMethodOf<false>},
    {"rfind", FindMethodOf<true>},
    {"index", IndexMethodOf<false>},
    {"rindex", IndexMethodOf<true>},
    {"count", CountMethod},
    {"join", JoinMethod},
    {"format", FormatMethod},
    {"isdigit", AllOf<IsDecimal>},
    {"isdecimal", AllOf<IsDecimal>},
    {"isnumeric", AllOf<IsDecimal>},
    {"isalpha", AllOf<IsAlpha>},
    {"isalnum", AllOf<IsAlnum>},
    {"isspace", AllOf<IsPythonSpace>},
    {"isupper", IsCase<true>},
    {"islower", IsCase<false>},
    {"ljust", JustifyMethod<Side::kLeft>},
    {"rjust", JustifyMethod<Side::kRight>},
    {"center", JustifyMethod<Side::kBoth>},
};

}  // namespace

MethodFunction FindStringMethod(std::string_view name) {
  const auto* entry = std::find_if(std::begin(kStringMethods), std::end(kStringMethods),
                                   [&](const Entry& e) { return e.name == name; });
  return entry == std::end(kStringMethods) ? nullptr : entry->function;
}

}  // namespace dure::text::jinja
