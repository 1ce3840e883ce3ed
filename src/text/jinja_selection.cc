#include "text/jinja_selection.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "text/jinja_text.h"

namespace dure::text::jinja {
namespace {

// "a.0.b" as steps; digits are indices.
std::vector<Value> PathOf(Evaluator& e, const Value& attribute) {
  if (!attribute.IsString()) return {attribute};
  std::vector<Value> steps;
  const TaintedString dot = TaintedString::Trusted(".");
  for (TaintedString& part : Split(attribute.AsString(), &dot, -1, false)) {
    const bool digits = !part.empty() && part.size() < 10 &&
                        part.view().find_first_not_of("0123456789") == std::string_view::npos;
    int64_t index = 0;
    if (digits) std::from_chars(part.bytes().data(), part.bytes().data() + part.size(), index);
    steps.push_back(digits ? Value(index) : e.String(std::move(part)));
  }
  return steps;
}

// The name of a filter or test that is passed as an argument.
std::string NameOf(const Value& value) {
  if (!value.IsString()) Throw("a filter or test is named by a string, not " + TypeName(value));
  return value.AsString().bytes();
}

Arguments After(const Arguments& a, size_t count) {
  Arguments rest;
  if (a.positional.size() > count)
    rest.positional.assign(a.positional.begin() + static_cast<ptrdiff_t>(count),
                           a.positional.end());
  rest.named = a.named;
  return rest;
}

Value Map(Evaluator& e, const Value& v, const Arguments& a) {
  if (!IsTrue(v))
    return e.MakeList({}, List::Kind::kGenerator);  // none is as good as an empty list here
  std::vector<Value> results;
  if (a.positional.empty()) {
    a.ExpectAtMost(0, {"attribute", "default"});
    const Key key(e, &a.Require(0, "attribute"), false, a.Find(1, "default"));
    for (const Value& item : e.Items(v)) results.push_back(key.Of(item));
  } else {
    const std::string name = NameOf(a.positional[0]);
    const Arguments rest = After(a, 1);
    for (const Value& item : e.Items(v)) results.push_back(e.ApplyFilter(name, item, rest));
  }
  return e.MakeList(std::move(results), List::Kind::kGenerator);
}

// select, reject, selectattr and rejectattr: items for which a test, by default truth, gives
// `wanted`.
template <bool wanted, bool by_attribute>
Value Select(Evaluator& e, const Value& v, const Arguments& a) {
  if (!IsTrue(v)) return e.MakeList({}, List::Kind::kGenerator);
  const size_t first = by_attribute ? 1 : 0;
  const Key key(e, by_attribute ? &a.Require(0, "attribute") : nullptr, false);
  const bool tested = a.positional.size() > first;
  const std::string name = tested ? NameOf(a.positional[first]) : "";
  const Arguments rest = After(a, first + 1);
  std::vector<Value> kept;
  for (const Value& item : e.Items(v)) {
    const Value value = key.Of(item);
    e.Charge(1);
    if ((tested ? e.ApplyTest(name, value, rest) : IsTrue(value)) == wanted) kept.push_back(item);
  }
  return e.MakeList(std::move(kept), List::Kind::kGenerator);
}

Value Attr(Evaluator& e, const Value& v, const Arguments& a) {
  a.ExpectAtMost(1, {"name"});
  const Value& name = a.Require(0, "name");
  if (!name.IsString()) Throw("attr: the name must be a string");
  // Attributes only: the items of a dict are none.
  if (v.IsDict() && FindMethod(v, name.View()) == nullptr)
    return Value(Value::Undefined{&name.AsString().bytes()});
  return e.Attribute(v, name.AsString().bytes());
}

struct Entry {
  std::string_view name;
  FilterFunction function;
};

constexpr Entry kFilters[] = {
    {"map", Map},
    {"select", Select<true, false>},
    {"reject", Select<false, false>},
    {"selectattr", Select<true, true>},
    {"rejectattr", Select<false, true>},
    {"attr", Attr},
};

}  // namespace

Key::Key(Evaluator& evaluator, const Value* attribute, bool several, const Value* fallback)
    : evaluator_(evaluator), fallback_(fallback) {
  if (attribute == nullptr || attribute->IsNone()) return;
  if (several && attribute->IsString()) {
    const TaintedString comma = TaintedString::Trusted(",");
    for (TaintedString& part : Split(attribute->AsString(), &comma, -1, false)) {
      paths_.push_back(PathOf(evaluator, evaluator.String(std::move(part))));
    }
  } else {
    paths_.push_back(PathOf(evaluator, *attribute));
  }
}

Value Key::Follow(const Value& item, const std::vector<Value>& path) const {
  Value value = item;
  for (const Value& step : path) {
    evaluator_.Charge(1);
    value = evaluator_.Item(value, step);
    if (value.IsUndefined() && fallback_ != nullptr) return *fallback_;
  }
  return value;
}

Value Key::Of(const Value& item) const {
  return paths_.empty() ? item : Follow(item, paths_.front());
}

Value Key::FoldedOf(const Value& item, bool case_sensitive) const {
  if (paths_.size() <= 1) return FoldCase(evaluator_, Of(item), case_sensitive);
  std::vector<Value> parts;
  for (const auto& path : paths_)
    parts.push_back(FoldCase(evaluator_, Follow(item, path), case_sensitive));
  return evaluator_.MakeList(std::move(parts));
}

Value FoldCase(Evaluator& evaluator, const Value& value, bool case_sensitive) {
  if (case_sensitive || !value.IsString()) return value;
  return evaluator.String(ToLowerCase(value.AsString()));
}

std::vector<Value> SortedBy(Evaluator& evaluator, const std::vector<Value>& items,
                            const std::vector<Value>& keys, bool reverse) {
  evaluator.ChargeItems(items.size() * 8);
  std::vector<Value> sorted;
  sorted.reserve(items.size());
  for (const size_t i : SortedOrder(keys, reverse)) sorted.push_back(items[i]);
  return sorted;
}

FilterFunction FindSelectionFilter(std::string_view name) {
  const auto* entry = std::find_if(std::begin(kFilters), std::end(kFilters),
                                   [&](const Entry& e) { return e.name == name; });
  return entry == std::end(kFilters) ? nullptr : entry->function;
}

}  // namespace dure::text::jinja
