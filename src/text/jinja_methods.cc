// Methods of lists and dicts; those of strings are in jinja_string_methods.cc.
#include <algorithm>
#include <utility>

#include "text/jinja_evaluator.h"

namespace dure::text::jinja {
namespace {

struct Entry {
  std::string_view name;
  MethodFunction function;
};

MethodFunction FindIn(const Entry* begin, const Entry* end, std::string_view name) {
  const Entry* entry = std::find_if(begin, end, [&](const Entry& e) { return e.name == name; });
  return entry == end ? nullptr : entry->function;
}

Value Pair(Evaluator& e, const Value& key, const Value& value) {
  return e.MakeList({key, value}, List::Kind::kTuple);
}

Value Items(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(0);
  std::vector<Value> pairs;
  for (const auto& [key, value] : self.AsDict().entries()) pairs.push_back(Pair(e, key, value));
  Value result = e.MakeList(std::move(pairs));
  result.from_input = self.from_input;
  return result;
}

Value Keys(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(0);
  return e.MakeList(e.Items(self));
}

Value Values(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(0);
  std::vector<Value> values;
  for (const auto& [key, value] : self.AsDict().entries()) values.push_back(value);
  return e.MakeList(std::move(values));
}

Value Get(Evaluator&, const Value& self, const Arguments& a) {
  a.ExpectAtMost(2, {"key", "default"});
  const Value* found = self.AsDict().Find(a.Require(0, "key"));
  if (found != nullptr) return *found;
  const Value* fallback = a.Find(1, "default");
  return fallback != nullptr ? *fallback : Value(Value::None{});
}

Value DictPop(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(2, {"key", "default"});
  e.ChargeItems(self.AsDict().size());
  if (const auto removed = self.AsDict().Remove(a.Require(0, "key"))) return *removed;
  const Value* fallback = a.Find(1, "default");
  if (fallback == nullptr) Throw("pop: no such key");
  return *fallback;
}

Value Update(Evaluator& e, const Value& self, const Arguments& a) {
  if (a.positional.size() > 1) Throw("update takes one dict");
  if (!a.positional.empty()) {
    if (!a.positional[0].IsDict()) Throw("update takes a dict, not " + TypeName(a.positional[0]));
    const auto entries = a.positional[0].AsDict().entries();
    e.ChargeItems(entries.size() * 2);
    for (const auto& [key, value] : entries) self.AsDict().Set(key, value);
  }
  for (const auto& [name, value] : a.named) self.AsDict().Set(e.Trusted(name), value);
  return Value(Value::None{});
}

Value SetDefault(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(2, {"key", "default"});
  const Value& key = a.Require(0, "key");
  if (const Value* found = self.AsDict().Find(key)) return *found;
  const Value* fallback = a.Find(1, "default");
  const Value value = fallback != nullptr ? *fallback : Value(Value::None{});
  e.Charge(8);
  self.AsDict().Set(key, value);
  return value;
}

Value CopyDict(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(0);
  e.ChargeItems(self.AsDict().size() * 2);
  const Value copy = e.heap().MakeDict(self.from_input);
  copy.AsDict() = self.AsDict();
  return copy;
}

Value ClearDict(Evaluator&, const Value& self, const Arguments& a) {
  a.ExpectAtMost(0);
  self.AsDict().Clear();
  return Value(Value::None{});
}

Value Append(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(1, {"object"});
  e.ChargeItems(1);
  self.AsList().items.push_back(a.Require(0, "object"));
  return Value(Value::None{});
}

Value Extend(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(1, {"iterable"});
  const std::vector<Value> more = e.Items(a.Require(0, "iterable"));
  auto& items = self.AsList().items;
  items.insert(items.end(), more.begin(), more.end());
  return Value(Value::None{});
}

int64_t Index(const Value& value) {
  if (!value.IsInteger()) Throw("an index must be an integer, not " + TypeName(value));
  return value.AsInteger();
}

Value Insert(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(2, {"index", "object"});
  auto& items = self.AsList().items;
  e.ChargeItems(items.size());
  const auto size = static_cast<int64_t>(items.size());
  int64_t at = std::clamp<int64_t>(Index(a.Require(0, "index")), -size, size);
  if (at < 0) at += size;
  items.insert(items.begin() + at, a.Require(1, "object"));
  return Value(Value::None{});
}

Value ListPop(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(1, {"index"});
  auto& items = self.AsList().items;
  e.ChargeItems(items.size());
  const auto size = static_cast<int64_t>(items.size());
  const Value* given = a.Find(0, "index");
  int64_t at = given != nullptr ? Index(*given) : -1;
  if (at >= -size && at < 0) at += size;
  if (at < 0 || at >= size) Throw("pop: index out of range");
  const Value value = items[static_cast<size_t>(at)];
  items.erase(items.begin() + at);
  return value;
}

Value ListIndex(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(1, {"value"});
  const auto& items = self.AsList().items;
  e.ChargeItems(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    if (Equal(items[i], a.Require(0, "value"))) return Value(static_cast<int64_t>(i));
  }
  Throw("index: the value is not in the list");
}

Value ListCount(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(1, {"value"});
  int64_t count = 0;
  e.ChargeItems(self.AsList().items.size());
  for (const Value& item : self.AsList().items) count += Equal(item, a.Require(0, "value")) ? 1 : 0;
  return Value(count);
}

Value ReverseList(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(0);
  e.ChargeItems(self.AsList().items.size());
  std::reverse(self.AsList().items.begin(), self.AsList().items.end());
  return Value(Value::None{});
}

Value CopyList(Evaluator& e, const Value& self, const Arguments& a) {
  a.ExpectAtMost(0);
  return e.MakeList(self.AsList().items);
}

constexpr Entry kDictMethods[] = {
    {"items", Items},     {"keys", Keys},     {"values", Values},         {"get", Get},
    {"pop", DictPop},     {"update", Update}, {"setdefault", SetDefault}, {"copy", CopyDict},
    {"clear", ClearDict},
};

constexpr Entry kListMethods[] = {
    {"append", Append},   {"extend", Extend},   {"insert", Insert},       {"pop", ListPop},
    {"index", ListIndex}, {"count", ListCount}, {"reverse", ReverseList}, {"copy", CopyList},
};

}  // namespace

MethodFunction FindMethod(const Value& self, std::string_view name) {
  if (self.IsString()) return FindStringMethod(name);
  if (self.IsDict()) return FindIn(std::begin(kDictMethods), std::end(kDictMethods), name);
  if (!self.IsList()) return nullptr;
  if (self.AsList().kind == List::Kind::kGenerator) return nullptr;
  if (self.AsList().kind == List::Kind::kTuple && name != "index" && name != "count")
    return nullptr;
  return FindIn(std::begin(kListMethods), std::end(kListMethods), name);
}

}  // namespace dure::text::jinja
