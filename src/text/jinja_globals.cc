// Functions and objects that every template finds: range, namespace, loop, raise_exception and the
// like.
#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "text/jinja_objects.h"

namespace dure::text::jinja {
namespace {

// The limit Jinja's sandbox sets.
constexpr int64_t kMaxRange = 100'000;

int64_t IntegerArgument(const Value& value) {
  if (!value.IsInteger()) Throw("range takes integers, not " + TypeName(value));
  return value.AsInteger();
}

Value Range(Evaluator& e, const Arguments& a) {
  a.ExpectAtMost(3);
  if (a.positional.empty()) Throw("range takes at least one argument");
  const bool one = a.positional.size() == 1;
  const int64_t begin = one ? 0 : IntegerArgument(a.positional[0]);
  const int64_t end = IntegerArgument(a.positional[one ? 0 : 1]);
  const int64_t step = a.positional.size() == 3 ? IntegerArgument(a.positional[2]) : 1;
  if (step == 0) Throw("range: the step must not be zero");
  std::vector<Value> numbers;
  for (int64_t i = begin; step > 0 ? i < end : i > end;) {
    if (static_cast<int64_t>(numbers.size()) >= kMaxRange) {
      Throw("range: more than " + std::to_string(kMaxRange) + " items",
            ErrorCode::kResourceExhausted);
    }
    numbers.emplace_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return e.MakeList(std::move(numbers));
}

Value DictFrom(Evaluator& e, const Arguments& a) {
  if (a.positional.size() > 1) Throw("dict takes at most one positional argument");
  e.Charge(8);
  const Value dict = e.heap().MakeDict();
  if (!a.positional.empty()) {
    const Value& source = a.positional[0];
    if (source.IsDict()) {
      e.ChargeItems(source.AsDict().size() * 2);
      for (const auto& [key, value] : source.AsDict().entries()) dict.AsDict().Set(key, value);
    } else {
      for (const Value& item : e.Items(source)) {
        const std::vector<Value> pair = e.Items(item);
        if (pair.size() != 2) Throw("dict: expected pairs");
        dict.AsDict().Set(pair[0], pair[1]);
      }
    }
  }
  for (const auto& [name, value] : a.named) dict.AsDict().Set(e.Trusted(name), value);
  return dict;
}

Value MakeNamespace(Evaluator& e, const Arguments& a) {
  return e.heap().MakeObject<Namespace>(DictFrom(e, a));
}

Value RaiseException(Evaluator&, const Arguments& a) {
  a.ExpectAtMost(1, {"message"});
  Throw(ToString(a.Require(0, "message")).bytes());
}

// strftime in the C locale, in UTC.
Value StrftimeNow(Evaluator& e, const Arguments& a) {
  a.ExpectAtMost(1, {"format"});
  const Value& format = a.Require(0, "format");
  if (!format.IsString()) Throw("strftime_now takes a string");
  const std::string& pattern = format.AsString().bytes();
  if (pattern.empty()) return e.Trusted("");
  if (pattern.size() > 256)
    Throw("strftime_now: the format is too long", ErrorCode::kResourceExhausted);
  const auto seconds = static_cast<std::time_t>(e.unix_time());
  std::tm time{};
  if (gmtime_r(&seconds, &time) == nullptr) Throw("strftime_now: the time is out of range");
  std::array<char, 4096> buffer{};
  const size_t size = std::strftime(buffer.data(), buffer.size(), pattern.c_str(), &time);
  TaintedString text;
  text.Append(std::string_view(buffer.data(), size), format.AsString().HasInput());
  return e.String(std::move(text));
}

// cycler("a", "b"): next(), current, reset().
class Cycler final : public Object {
 public:
  explicit Cycler(std::vector<Value> items) : items_(std::move(items)) {}
  std::optional<Value> Attribute(Evaluator& e, std::string_view name) override {
    if (name == "current") return items_[at_];
    if (name == "next" || name == "reset") {
      const bool next = name == "next";
      return e.heap().MakeObject<Function>(std::string(name),
                                           [this, next](Evaluator&, const Arguments&) {
                                             if (!next) {
                                               at_ = 0;
                                               return Value(Value::None{});
                                             }
                                             const Value value = items_[at_];
                                             at_ = (at_ + 1) % items_.size();
                                             return value;
                                           });
    }
    return std::nullopt;
  }
  std::string Describe() const override { return "cycler"; }

 private:
  std::vector<Value> items_;
  size_t at_ = 0;
};

Value MakeCycler(Evaluator& e, const Arguments& a) {
  if (a.positional.empty()) Throw("cycler takes at least one item");
  return e.heap().MakeObject<Cycler>(a.positional);
}

// joiner(", "): nothing the first time it is called, then the separator.
Value MakeJoiner(Evaluator& e, const Arguments& a) {
  a.ExpectAtMost(1, {"sep"});
  const Value* given = a.Find(0, "sep");
  const Value separator = given != nullptr ? *given : e.Trusted(", ");
  return e.heap().MakeObject<Function>(
      "joiner", [separator, used = false](Evaluator& evaluator, const Arguments&) mutable {
        if (used) return separator;
        used = true;
        return evaluator.Trusted("");
      });
}

}  // namespace

std::optional<Value> Loop::Attribute(Evaluator& e, std::string_view name) {
  const size_t size = items_.size();
  const auto number = [](size_t value) { return Value(static_cast<int64_t>(value)); };
  if (name == "index") return number(index_ + 1);
  if (name == "index0") return number(index_);
  if (name == "first") return Value(index_ == 0);
  if (name == "last") return Value(index_ + 1 == size);
  if (name == "length") return number(size);
  if (name == "revindex") return number(size - index_);
  if (name == "revindex0") return number(size - index_ - 1);
  if (name == "previtem") return index_ > 0 ? items_[index_ - 1] : Value();
  if (name == "nextitem") return index_ + 1 < size ? items_[index_ + 1] : Value();
  if (name == "depth") return number(1);
  if (name == "depth0") return number(0);
  if (name == "cycle") {
    return e.heap().MakeObject<Function>(
        "cycle", [this](Evaluator&, const Arguments& a) { return Cycle(a); });
  }
  if (name == "changed") {
    return e.heap().MakeObject<Function>(
        "changed", [this](Evaluator&, const Arguments& a) { return Value(Changed(a)); });
  }
  return std::nullopt;
}

Value Loop::Cycle(const Arguments& arguments) const {
  if (arguments.positional.empty()) Throw("loop.cycle takes at least one item");
  return arguments.positional[index_ % arguments.positional.size()];
}

bool Loop::Changed(const Arguments& arguments) {
  bool changed = !last_changed_ || last_changed_->size() != arguments.positional.size();
  for (size_t i = 0; !changed && i < last_changed_->size(); ++i) {
    changed = !Equal((*last_changed_)[i], arguments.positional[i]);
  }
  if (changed) last_changed_ = arguments.positional;
  return changed;
}

std::optional<Value> Namespace::Attribute(Evaluator& /*evaluator*/, std::string_view name) {
  const Value* value = dict_.AsDict().Find(name);
  return value != nullptr ? std::optional<Value>(*value) : std::nullopt;
}

void Namespace::Set(Evaluator& evaluator, std::string_view name, const Value& value) {
  dict_.AsDict().Set(evaluator.Trusted(name), value);
}

void AddGlobals(Heap& heap, Scope& scope) {
  struct Entry {
    std::string_view name;
    Value (*function)(Evaluator&, const Arguments&);
  };
  constexpr Entry kFunctions[] = {
      {"range", Range},
      {"dict", DictFrom},
      {"namespace", MakeNamespace},
      {"raise_exception", RaiseException},
      {"strftime_now", StrftimeNow},
      {"cycler", MakeCycler},
      {"joiner", MakeJoiner},
  };
  for (const Entry& entry : kFunctions) {
    scope.Set(entry.name, heap.MakeObject<Function>(std::string(entry.name), entry.function));
  }
}

}  // namespace dure::text::jinja
