#include "text/jinja_value.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "text/unicode.h"

namespace dure::text::jinja {
namespace {

void CheckDepth(int depth) {
  if (depth > kMaxValueDepth) Throw("value is nested too deeply", ErrorCode::kResourceExhausted);
}

// One spelling for all keys that Python takes for equal (1, 1.0 and True).
std::string CanonicalKey(const Value& key) {
  if (key.IsString()) return "s" + key.AsString().bytes();
  if (key.IsInteger()) return "i" + std::to_string(key.AsInteger());
  if (key.Is<double>()) {
    const double number = key.AsDouble();
    if (number == std::floor(number) && std::abs(number) < 9e15)
      return "i" + std::to_string(static_cast<int64_t>(number));
    return "f" + FloatRepr(number);
  }
  if (key.IsNone()) return "n";
  if (key.IsUndefined()) return "u";
  if (key.IsList() && key.AsList().kind == List::Kind::kTuple) {
    std::string text = "t";
    for (const Value& item : key.AsList().items) {
      const std::string part = CanonicalKey(item);
      text += std::to_string(part.size()) + ":" + part;
    }
    return text;
  }
  Throw("unhashable type: '" + TypeName(key) + "'");
}

int Sign(double a, double b) { return a < b ? -1 : a > b ? 1 : 0; }

}  // namespace

void Throw(std::string message, ErrorCode code) { throw TemplateError{code, std::move(message)}; }

const Value* Dict::Find(const Value& key) const {
  const auto it = index_.find(CanonicalKey(key));
  return it == index_.end() ? nullptr : &entries_[it->second].second;
}

const Value* Dict::Find(std::string_view key) const {
  const auto it = index_.find("s" + std::string(key));
  return it == index_.end() ? nullptr : &entries_[it->second].second;
}

void Dict::Set(const Value& key, const Value& value) {
  const auto [it, inserted] = index_.try_emplace(CanonicalKey(key), entries_.size());
  if (inserted) {
    entries_.emplace_back(key, value);
  } else {
    entries_[it->second].second = value;
  }
}

std::optional<Value> Dict::Remove(const Value& key) {
  const auto it = index_.find(CanonicalKey(key));
  if (it == index_.end()) return std::nullopt;
  const size_t place = it->second;
  const Value value = entries_[place].second;
  entries_.erase(entries_.begin() + static_cast<ptrdiff_t>(place));
  index_.erase(it);
  for (auto& [name, position] : index_) {
    if (position > place) --position;
  }
  return value;
}

void Dict::Clear() {
  entries_.clear();
  index_.clear();
}

const Value* Arguments::Find(size_t position, std::string_view name) const {
  if (position < positional.size()) return &positional[position];
  for (const auto& [key, value] : named) {
    if (key == name) return &value;
  }
  return nullptr;
}

const Value& Arguments::Require(size_t position, std::string_view name) const {
  const Value* value = Find(position, name);
  if (value == nullptr) Throw("argument '" + std::string(name) + "' is missing");
  return *value;
}

void Arguments::ExpectAtMost(size_t positional_count,
                             std::initializer_list<std::string_view> names) const {
  if (positional.size() > positional_count) {
    Throw("takes at most " + std::to_string(positional_count) + " arguments, " +
          std::to_string(positional.size()) + " given");
  }
  for (const auto& [key, value] : named) {
    bool known = false;
    for (const std::string_view name : names) known = known || name == key;
    if (!known) Throw("unexpected keyword argument '" + key + "'");
  }
}

std::optional<Value> Object::Attribute(Evaluator& /*evaluator*/, std::string_view /*name*/) {
  return std::nullopt;
}
Value Object::Call(Evaluator& /*evaluator*/, const Arguments& /*arguments*/) {
  Throw("'" + Describe() + "' is not callable");
}

Value Heap::String(TaintedString value) {
  strings_.push_back(std::move(value));
  return Value(static_cast<const TaintedString*>(&strings_.back()));
}

Value Heap::MakeList(std::vector<Value> items, List::Kind kind, bool from_input) {
  lists_.push_back({std::move(items), kind});
  return Value(&lists_.back(), from_input);
}

Value Heap::MakeDict(bool from_input) {
  dicts_.emplace_back();
  return Value(&dicts_.back(), from_input);
}

std::string TypeName(const Value& value) {
  struct Namer {
    std::string operator()(Value::Undefined) const { return "undefined"; }
    std::string operator()(Value::None) const { return "NoneType"; }
    std::string operator()(bool) const { return "bool"; }
    std::string operator()(int64_t) const { return "int"; }
    std::string operator()(double) const { return "float"; }
    std::string operator()(const TaintedString*) const { return "str"; }
    std::string operator()(const List* list) const {
      if (list->kind == List::Kind::kTuple) return "tuple";
      return list->kind == List::Kind::kGenerator ? "generator" : "list";
    }
    std::string operator()(const Dict*) const { return "dict"; }
    std::string operator()(const Object* object) const { return object->Describe(); }
  };
  return std::visit(Namer(), value.data);
}

bool IsTrue(const Value& value) {
  struct Truth {
    bool operator()(Value::Undefined) const { return false; }
    bool operator()(Value::None) const { return false; }
    bool operator()(bool b) const { return b; }
    bool operator()(int64_t i) const { return i != 0; }
    bool operator()(double d) const { return d != 0; }
    bool operator()(const TaintedString* s) const { return !s->empty(); }
    bool operator()(const List* list) const {
      return list->kind == List::Kind::kGenerator || !list->items.empty();
    }
    bool operator()(const Dict* dict) const { return dict->size() != 0; }
    bool operator()(const Object*) const { return true; }
  };
  return std::visit(Truth(), value.data);
}

bool Equal(const Value& a, const Value& b, int depth) {
  CheckDepth(depth);
  if (a.IsNumber() && b.IsNumber()) {
    return a.IsInteger() && b.IsInteger() ? a.AsInteger() == b.AsInteger()
                                          : a.AsDouble() == b.AsDouble();
  }
  if (a.data.index() != b.data.index()) return false;
  if (a.IsString()) return a.View() == b.View();
  if (a.IsList()) {
    const List& x = a.AsList();
    const List& y = b.AsList();
    if (&x == &y) return true;
    if (x.kind != y.kind || x.items.size() != y.items.size()) return false;
    for (size_t i = 0; i < x.items.size(); ++i) {
      if (!Equal(x.items[i], y.items[i], depth + 1)) return false;
    }
    return true;
  }
  if (a.IsDict()) {
    const Dict& x = a.AsDict();
    const Dict& y = b.AsDict();
    if (x.size() != y.size()) return false;
    for (const auto& [key, value] : x.entries()) {
      const Value* other = y.Find(key);
      if (other == nullptr || !Equal(value, *other, depth + 1)) return false;
    }
    return true;
  }
  if (a.IsObject()) return &a.AsObject() == &b.AsObject();
  return true;  // undefined or none, both of them
}

int Compare(const Value& a, const Value& b, int depth) {
  CheckDepth(depth);
  if (a.IsInteger() && b.IsInteger()) {
    return a.AsInteger() < b.AsInteger() ? -1 : a.AsInteger() > b.AsInteger() ? 1 : 0;
  }
  if (a.IsNumber() && b.IsNumber()) return Sign(a.AsDouble(), b.AsDouble());
  // UTF-8 sorts as its code points do.
  if (a.IsString() && b.IsString()) return a.View().compare(b.View());
  if (a.IsList() && b.IsList() && a.AsList().kind == b.AsList().kind) {
    const auto& x = a.AsList().items;
    const auto& y = b.AsList().items;
    for (size_t i = 0; i < x.size() && i < y.size(); ++i) {
      if (!Equal(x[i], y[i], depth + 1)) return Compare(x[i], y[i], depth + 1);
    }
    return x.size() < y.size() ? -1 : x.size() > y.size() ? 1 : 0;
  }
  if (a.IsUndefined() || b.IsUndefined()) Throw("an undefined value cannot be compared");
  Throw("'" + TypeName(a) + "' and '" + TypeName(b) + "' have no order");
}

bool Contains(const Value& haystack, const Value& needle) {
  if (haystack.IsUndefined()) return false;
  if (haystack.IsString()) {
    if (!needle.IsString())
      Throw("'in <string>' requires a string on its left, not " + TypeName(needle));
    return haystack.View().find(needle.View()) != std::string_view::npos;
  }
  if (haystack.IsList()) {
    for (const Value& item : haystack.AsList().items) {
      if (Equal(item, needle)) return true;
    }
    return false;
  }
  if (haystack.IsDict()) return haystack.AsDict().Find(needle) != nullptr;
  Throw("'" + TypeName(haystack) + "' is not iterable");
}

std::vector<size_t> SortedOrder(const std::vector<Value>& keys, bool reverse) {
  const auto less = [&](size_t a, size_t b) {
    return reverse ? Compare(keys[b], keys[a]) < 0 : Compare(keys[a], keys[b]) < 0;
  };
  std::vector<size_t> order(keys.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::vector<size_t> merged(keys.size());
  const auto at = [&](size_t i) {
    return order.begin() + static_cast<ptrdiff_t>(std::min(i, order.size()));
  };
  for (size_t width = 1; width < order.size(); width *= 2) {
    auto out = merged.begin();
    for (size_t i = 0; i < order.size(); i += 2 * width) {
      out = std::merge(at(i), at(i + width), at(i + width), at(i + 2 * width), out, less);
    }
    order.swap(merged);
  }
  return order;
}

bool HasInput(const Value& value, int depth) {
  CheckDepth(depth);
  if (value.from_input) return true;
  if (value.IsString()) return value.AsString().HasInput();
  if (value.IsList()) {
    for (const Value& item : value.AsList().items) {
      if (HasInput(item, depth + 1)) return true;
    }
  } else if (value.IsDict()) {
    for (const auto& [key, item] : value.AsDict().entries()) {
      if (HasInput(key, depth + 1) || HasInput(item, depth + 1)) return true;
    }
  }
  return false;
}

std::vector<Value> Iterate(Heap& heap, const Value& value) {
  if (value.IsUndefined()) return {};
  if (value.IsList()) return value.AsList().items;
  std::vector<Value> items;
  if (value.IsDict()) {
    for (const auto& [key, item] : value.AsDict().entries()) items.push_back(key);
    return items;
  }
  if (value.IsString()) {
    const TaintedString& text = value.AsString();
    for (size_t i = 0; i < text.size();) {
      const size_t length = StrictCharLength(text.view(), i);
      const size_t end = i + (length > 0 ? length : 1);
      items.push_back(heap.String(text.Slice(i, end)));
      i = end;
    }
    return items;
  }
  Throw("'" + TypeName(value) + "' is not iterable");
}

}  // namespace dure::text::jinja
