// Arithmetic and slices, as Python defines them.
#include <algorithm>
#include <cmath>
#include <utility>

#include "text/jinja_evaluator.h"
#include "text/unicode.h"

namespace dure::text::jinja {
namespace {

int64_t FloorDivide(int64_t a, int64_t b) {
  if (b == 0) Throw("division by zero");
  if (a == INT64_MIN && b == -1) Throw("integer overflow");
  const int64_t quotient = a / b;
  return (a % b != 0) && ((a < 0) != (b < 0)) ? quotient - 1 : quotient;
}

int64_t Modulo(int64_t a, int64_t b) {
  if (b == 0) Throw("division by zero");
  if (b == -1) return 0;
  const int64_t rest = a % b;
  return rest != 0 && ((rest < 0) != (b < 0)) ? rest + b : rest;
}

double FloatModulo(double a, double b) {
  if (b == 0) Throw("division by zero");
  const double rest = std::fmod(a, b);
  return rest != 0 && ((rest < 0) != (b < 0)) ? rest + b : rest;
}

Value Power(const Value& a, const Value& b, bool input) {
  if (!a.IsInteger() || !b.IsInteger() || b.AsInteger() < 0) {
    return Value(std::pow(a.AsDouble(), b.AsDouble()), input);
  }
  int64_t result = 1;
  int64_t base = a.AsInteger();
  for (int64_t exponent = b.AsInteger(); exponent > 0; exponent >>= 1) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result))
      Throw("integer overflow");
    if (exponent > 1 && __builtin_mul_overflow(base, base, &base)) Throw("integer overflow");
  }
  return Value(result, input);
}

Value IntegerArithmetic(std::string_view op, int64_t a, int64_t b, bool input) {
  int64_t result = 0;
  bool overflow = false;
  if (op == "+") {
    overflow = __builtin_add_overflow(a, b, &result);
  } else if (op == "-") {
    overflow = __builtin_sub_overflow(a, b, &result);
  } else if (op == "*") {
    overflow = __builtin_mul_overflow(a, b, &result);
  } else if (op == "//") {
    result = FloorDivide(a, b);
  } else {
    result = Modulo(a, b);
  }
  if (overflow) Throw("integer overflow");
  return Value(result, input);
}

Value NumberArithmetic(std::string_view op, const Value& a, const Value& b) {
  const bool input = a.from_input || b.from_input;
  if (op == "**") return Power(a, b, input);
  if (a.IsInteger() && b.IsInteger() && op != "/")
    return IntegerArithmetic(op, a.AsInteger(), b.AsInteger(), input);
  const double x = a.AsDouble();
  const double y = b.AsDouble();
  if (op == "+") return Value(x + y, input);
  if (op == "-") return Value(x - y, input);
  if (op == "*") return Value(x * y, input);
  if (op == "%") return Value(FloatModulo(x, y), input);
  if (y == 0) Throw("division by zero");
  return Value(op == "//" ? std::floor(x / y) : x / y, input);
}

Value Repeat(Evaluator& evaluator, const Value& sequence, int64_t times) {
  const uint64_t count = times < 0 ? 0 : static_cast<uint64_t>(times);
  if (sequence.IsString()) {
    const TaintedString& text = sequence.AsString();
    TaintedString result;
    if (text.empty() || count == 0) return evaluator.String(std::move(result));
    if (count > (uint64_t{1} << 40))
      Throw("a string that long does not fit", ErrorCode::kResourceExhausted);
    // Before any memory is taken; the size itself is checked by String.
    evaluator.Charge(count);
    evaluator.ChargeBytes(text.size() * static_cast<size_t>(count));
    for (uint64_t i = 0; i < count; ++i) result.Append(text);
    return evaluator.String(std::move(result));
  }
  const List& list = sequence.AsList();
  std::vector<Value> items;
  if (list.items.empty() || count == 0) return evaluator.MakeList({}, list.kind);
  if (count > (uint64_t{1} << 32))
    Throw("a list that long does not fit", ErrorCode::kResourceExhausted);
  evaluator.ChargeItems(list.items.size() * static_cast<size_t>(count));
  for (uint64_t i = 0; i < count; ++i)
    items.insert(items.end(), list.items.begin(), list.items.end());
  return evaluator.MakeList(std::move(items), list.kind);
}

bool IsSequence(const Value& value) {
  return value.IsString() || (value.IsList() && value.AsList().kind != List::Kind::kGenerator);
}

Value Add(Evaluator& evaluator, const Value& a, const Value& b) {
  if (a.IsString() && b.IsString()) {
    TaintedString text = a.AsString();
    text.Append(b.AsString());
    return evaluator.String(std::move(text));
  }
  if (IsSequence(a) && a.IsList() && b.IsList() && a.AsList().kind == b.AsList().kind) {
    std::vector<Value> items = a.AsList().items;
    evaluator.ChargeItems(items.size());
    items.insert(items.end(), b.AsList().items.begin(), b.AsList().items.end());
    Value result = evaluator.MakeList(std::move(items), a.AsList().kind);
    result.from_input = a.from_input || b.from_input;
    return result;
  }
  Throw("cannot add '" + TypeName(a) + "' and '" + TypeName(b) + "'");
}

struct Bounds {
  int64_t begin;
  int64_t end;
  int64_t step;
};

// PySlice_AdjustIndices.
Bounds ResolveSlice(int64_t size, const Value& begin, const Value& end, const Value& step) {
  const auto given = [](const Value& value) { return !value.IsUndefined() && !value.IsNone(); };
  for (const Value* value : {&begin, &end, &step}) {
    if (given(*value) && !value->IsInteger()) Throw("slice indices must be integers");
  }
  Bounds bounds{0, 0, given(step) ? step.AsInteger() : 1};
  if (bounds.step == 0) Throw("a slice's step cannot be zero");
  bounds.step = std::clamp<int64_t>(bounds.step, -(size + 1), size + 1);
  const bool back = bounds.step < 0;
  const auto resolve = [&](const Value& value, int64_t fallback) {
    if (!given(value)) return fallback;
    int64_t index = std::clamp<int64_t>(value.AsInteger(), -size - 1, size);
    if (index < 0) index += size;
    return std::clamp<int64_t>(index, back ? -1 : 0, back ? size - 1 : size);
  };
  bounds.begin = resolve(begin, back ? size - 1 : 0);
  bounds.end = resolve(end, back ? -1 : size);
  return bounds;
}

std::vector<size_t> CharacterStarts(std::string_view text) {
  std::vector<size_t> starts;
  for (size_t i = 0; i < text.size();) {
    starts.push_back(i);
    const size_t length = StrictCharLength(text, i);
    i += length > 0 ? length : 1;
  }
  starts.push_back(text.size());
  return starts;
}

}  // namespace

Value Evaluator::Arithmetic(std::string_view op, const Value& a, const Value& b) {
  for (const Value* value : {&a, &b}) {
    if (value->IsUndefined()) {
      const std::string* name = std::get<Value::Undefined>(value->data).name;
      Throw(name == nullptr ? "the value is undefined" : "'" + *name + "' is undefined");
    }
  }
  if (a.IsNumber() && b.IsNumber()) return NumberArithmetic(op, a, b);
  if (op == "+") return Add(*this, a, b);
  if (op == "*" && IsSequence(a) && b.IsInteger()) return Repeat(*this, a, b.AsInteger());
  if (op == "*" && a.IsInteger() && IsSequence(b)) return Repeat(*this, b, a.AsInteger());
  if (op == "%" && a.IsString()) return FormatPercent(*this, a.AsString(), b);
  Throw("unsupported operand types for " + std::string(op) + ": '" + TypeName(a) + "' and '" +
        TypeName(b) + "'");
}

Value Slice(Evaluator& evaluator, const Value& object, const Value& begin, const Value& end,
            const Value& step) {
  if (object.IsUndefined()) Throw("the value is undefined");
  if (!IsSequence(object)) Throw("'" + TypeName(object) + "' cannot be sliced");
  if (object.IsList()) {
    const List& list = object.AsList();
    const Bounds bounds = ResolveSlice(static_cast<int64_t>(list.items.size()), begin, end, step);
    std::vector<Value> items;
    for (int64_t i = bounds.begin; bounds.step > 0 ? i < bounds.end : i > bounds.end;
         i += bounds.step) {
      items.push_back(list.items[static_cast<size_t>(i)]);
    }
    Value result = evaluator.MakeList(std::move(items), list.kind);
    result.from_input = object.from_input;
    return result;
  }
  const TaintedString& text = object.AsString();
  evaluator.ChargeBytes(text.size() * 4);
  const std::vector<size_t> starts = CharacterStarts(text.view());
  const Bounds bounds = ResolveSlice(static_cast<int64_t>(starts.size() - 1), begin, end, step);
  if (bounds.step == 1) {
    const auto first = static_cast<size_t>(bounds.begin);
    const auto last = static_cast<size_t>(std::max(bounds.begin, bounds.end));
    return evaluator.String(text.Slice(starts[first], starts[last]));
  }
  TaintedString result;
  for (int64_t i = bounds.begin; bounds.step > 0 ? i < bounds.end : i > bounds.end;
       i += bounds.step) {
    result.AppendSlice(text, starts[static_cast<size_t>(i)], starts[static_cast<size_t>(i) + 1]);
  }
  return evaluator.String(std::move(result));
}

}  // namespace dure::text::jinja
