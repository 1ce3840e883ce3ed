// Filters that work on lists and dicts as a whole.
#include <algorithm>
#include <charconv>
#include <utility>

#include "text/jinja_evaluator.h"
#include "text/jinja_selection.h"
#include "text/jinja_text.h"
#include "text/unicode.h"

namespace dure::text::jinja {
namespace {

bool Flag(const Arguments& a, size_t position, std::string_view name) {
  const Value* value = a.Find(position, name);
  return value != nullptr && IsTrue(*value);
}

int64_t RequireCount(const Arguments& a, size_t position, std::string_view name) {
  const Value& value = a.Require(position, name);
  if (!value.IsInteger() || value.AsInteger() < 1)
    Throw(std::string(name) + " must be a positive integer");
  return value.AsInteger();
}

Value Length(Evaluator& e, const Value& v, const Arguments& a) {
  a.ExpectAtMost(0);
  if (v.IsUndefined()) return Value(int64_t{0});
  if (v.IsString()) {
    e.ChargeBytes(v.AsString().size());
    return Value(static_cast<int64_t>(CountCodePoints(v.View())), v.AsString().HasInput());
  }
  if (v.IsList() && v.AsList().kind != List::Kind::kGenerator) {
    return Value(static_cast<int64_t>(v.AsList().items.size()), v.from_input);
  }
  if (v.IsDict()) return Value(static_cast<int64_t>(v.AsDict().size()), v.from_input);
  Throw("a value of type '" + TypeName(v) + "' has no length");
}

Value Join(Evaluator& e, const Value& v, const Arguments& a) {
  a.ExpectAtMost(2, {"d", "attribute"});
  const Value* separator = a.Find(0, "d");
  const TaintedString between = separator != nullptr ? ToString(*separator) : TaintedString();
  const Key key(e, a.Find(1, "attribute"), false);
  TaintedString out;
  bool first = true;
  for (const Value& item : e.Items(v)) {
    if (!first) out.Append(between);
    first = false;
    out.Append(ToString(key.Of(item)));
    // A result beyond the limit must not be built first.
    e.Charge(1 + between.size() / 16);
  }
  return e.String(std::move(out));
}

Value First(Evaluator& e, const Value& v, const Arguments& a) {
  a.ExpectAtMost(0);
  const std::vector<Value> items = e.Items(v);
  return items.empty() ? Value() : items.front();
}

Value Last(Evaluator& e, const Value& v, const Arguments& a) {
  a.ExpectAtMost(0);
  const std::vector<Value> items = e.Items(v);
  return items.empty() ? Value() : items.back();
}

Value ToList(Evaluator& e, const Value& v, const Arguments& a) {
  a.ExpectAtMost(0);
  return e.MakeList(e.Items(v));
}

Value ItemsOf(Evaluator& e, const Value& v, const Arguments& a) {
  a.ExpectAtMost(0);
  if (v.IsUndefined()) return e.MakeList({}, List::Kind::kGenerator);
  if (!v.IsDict()) Throw("items: '" + TypeName(v) + "' is no dict");
  std::vector<Value> pairs;
  for (const auto& [key, value] : v.AsDict().entries())
    pairs.push_back(e.MakeList({key, value}, List::Kind::kTuple));
  return e.MakeList(std::move(pairs), List::Kind::kGenerator);
}

Value DictSort(Evaluator& e, const Value& v, const Arguments& a) {
  a.ExpectAtMost(3, {"case_sensitive", "by", "reverse"});
  if (!v.IsDict()) Throw("dictsort: '" + TypeName(v) + "' is no dict");
  const Value* given = a.Find(1, "by");
  const std::string by = given != nullptr ? ToString(*given).bytes() : "key";
  if (by != "key" && by != "value") Throw("dictsort: by must be 'key' or 'value'");
  const bool sensitive = Flag(a, 0, "case_sensitive");
  std::vector<Value> pairs;
  std::vector<Value> keys;
  for (const auto& [key, value] : v.AsDict().entries()) {
    pairs.push_back(e.MakeList({key, value}, List::Kind::kTuple));
    keys.push_back(FoldCase(e, by == "key" ? key : value, sensitive));
  }
  return e.MakeList(SortedBy(e, pairs, keys, Flag(a, 2, "reverse")));
}

Value Sort(Evaluator& e, const Value& v, const Arguments& a) {
  a.ExpectAtMost(3, {"reverse", "case_sensitive", "attribute"});
  const std::vector<Value> items = e.Items(v);
  const Key key(e, a.Find(2, "attribute"), true);
  const bool sensitive = Flag(a, 1, "case_sensitive");
  std::vector<Value> keys;
  for (const Value& item : items) keys.push_back(key.FoldedOf(item, sensitive));
  return e.MakeList(SortedBy(e, items, keys, Flag(a, 0, "reverse")));
}

Value Unique(Evaluator& e, const Value& v, const Arguments& a) {
  a.ExpectAtMost(2, {"case_sensitive", "attribute"});
  const Key key(e, a.Find(1, "attribute"), false);
  const Value seen = e.heap().MakeDict();
  std::vector<Value> kept;
  for (const Value& item : e.Items(v)) {
    const Value name = FoldCase(e, key.Of(item), Flag(a, 0, "case_sensitive"));
    if (seen.AsDict().Find(name) != nullptr) continue;
    seen.AsDict().Set(name, Value(true));
    kept.push_back(item);
  }
  return e.MakeList(std::move(kept), List::Kind::kGenerator);
}

Value Reverse(Evaluator& e, const Value& v, const Arguments& a) {
  a.ExpectAtMost(0);
  std::vector<Value> items = e.Items(v);
  std::reverse(items.begin(), items.end());
  if (!v.IsString()) return e.MakeList(std::move(items), List::Kind::kGenerator);
  TaintedString out;
  for (const Value& item : items) out.Append(item.AsString());
  return e.String(std::move(out));
}

Value Sum(Evaluator& e, const Value& v, const Arguments& a) {
  a.ExpectAtMost(2, {"attribute", "start"});
  const Key key(e, a.Find(0, "attribute"), false);
  const Value* start = a.Find(1, "start");
  Value total = start != nullptr ? *start : Value(int64_t{0});
  for (const Value& item : e.Items(v)) total = e.Arithmetic("+", total, key.Of(item));
  return total;
}

template <int sign>
Value Extreme(Evaluator& e, const Value& v, const Arguments& a) {
  a.ExpectAtMost(2, {"case_sensitive", "attribute"});
  const Key key(e, a.Find(1, "attribute"), false);
  Value best;
  Value best_key;
  bool first = true;
  for (const Value& item : e.Items(v)) {
    const Value item_key = FoldCase(e, key.Of(item), Flag(a, 0, "case_sensitive"));
    if (first || Compare(item_key, best_key) * sign > 0) {
      best = item;
      best_key = item_key;
    }
    first = false;
  }
  return best;
}

// Lists of `linecount` items each, the last one filled up where a fill is given.
Value Batch(Evaluator& e, const Value& v, const Arguments& a) {
  a.ExpectAtMost(2, {"linecount", "fill_with"});
  const auto size =
      static_cast<size_t>(std::min<int64_t>(RequireCount(a, 0, "linecount"), 100'000));
  const Value* fill = a.Find(1, "fill_with");
  std::vector<Value> batches;
  std::vector<Value> current;
  for (const Value& item : e.Items(v)) {
    if (current.size() == size) batches.push_back(e.MakeList(std::exchange(current, {})));
    current.push_back(item);
  }
  if (!current.empty()) {
    while (fill != nullptr && !fill->IsNone() && current.size() < size) current.push_back(*fill);
    batches.push_back(e.MakeList(std::move(current)));
  }
  return e.MakeList(std::move(batches), List::Kind::kGenerator);
}

// `slices` lists of nearly equal length.
Value SliceInto(Evaluator& e, const Value& v, const Arguments& a) {
  a.ExpectAtMost(2, {"slices", "fill_with"});
  const auto count = static_cast<size_t>(std::min<int64_t>(RequireCount(a, 0, "slices"), 100'000));
  const Value* fill = a.Find(1, "fill_with");
  const std::vector<Value> items = e.Items(v);
  std::vector<Value> slices;
  size_t at = 0;
  for (size_t i = 0; i < count; ++i) {
    const size_t size = items.size() / count + (i < items.size() % count ? 1 : 0);
    std::vector<Value> part(items.begin() + static_cast<ptrdiff_t>(at),
                            items.begin() + static_cast<ptrdiff_t>(at + size));
    at += size;
    if (fill != nullptr && !fill->IsNone() && i >= items.size() % count) part.push_back(*fill);
    slices.push_back(e.MakeList(std::move(part)));
  }
  return e.MakeList(std::move(slices), List::Kind::kGenerator);
}

Value GroupBy(Evaluator& e, const Value& v, const Arguments& a) {
  a.ExpectAtMost(3, {"attribute", "default", "case_sensitive"});
  const Key key(e, &a.Require(0, "attribute"), false, a.Find(1, "default"));
  const std::vector<Value> items = e.Items(v);
  std::vector<Value> keys;
  for (const Value& item : items)
    keys.push_back(FoldCase(e, key.Of(item), Flag(a, 2, "case_sensitive")));
  std::vector<Value> groups;
  std::vector<Value> members;
  Value group;
  for (const Value& item : SortedBy(e, items, keys, false)) {
    const Value name = key.Of(item);
    if (!members.empty() && !Equal(FoldCase(e, name, Flag(a, 2, "case_sensitive")),
                                   FoldCase(e, group, Flag(a, 2, "case_sensitive")))) {
      groups.push_back(
          e.MakeList({group, e.MakeList(std::exchange(members, {}))}, List::Kind::kTuple));
    }
    if (members.empty()) group = name;
    members.push_back(item);
  }
  if (!members.empty())
    groups.push_back(e.MakeList({group, e.MakeList(std::move(members))}, List::Kind::kTuple));
  return e.MakeList(std::move(groups));
}

struct Entry {
  std::string_view name;
  FilterFunction function;
};

constexpr Entry kFilters[] = {
    {"length", Length},   {"count", Length},   {"join", Join},       {"first", First},
    {"last", Last},       {"list", ToList},    {"items", ItemsOf},   {"dictsort", DictSort},
    {"sort", Sort},       {"unique", Unique},  {"reverse", Reverse}, {"sum", Sum},
    {"min", Extreme<-1>}, {"max", Extreme<1>}, {"batch", Batch},     {"slice", SliceInto},
    {"groupby", GroupBy},
};

}  // namespace

FilterFunction FindSequenceFilter(std::string_view name) {
  const auto* entry = std::find_if(std::begin(kFilters), std::end(kFilters),
                                   [&](const Entry& e) { return e.name == name; });
  return entry == std::end(kFilters) ? nullptr : entry->function;
}

}  // namespace dure::text::jinja
