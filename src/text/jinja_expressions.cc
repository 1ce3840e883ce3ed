// Expressions of the evaluator.
#include <utility>

#include "text/jinja_evaluator.h"
#include "text/jinja_guards.h"
#include "text/jinja_objects.h"

namespace dure::text::jinja {
namespace {

std::string UndefinedMessage(const Value& value) {
  const std::string* name = std::get<Value::Undefined>(value.data).name;
  return name == nullptr ? "the value is undefined" : "'" + *name + "' is undefined";
}

}  // namespace

Value Evaluator::Evaluate(const Expression& expression) {
  const DepthGuard depth(*this);
  Charge(1);
  try {
    return EvaluateKind(expression);
  } catch (TemplateError& error) {
    if (error.line == 0) error.line = expression.line;
    throw;
  }
}

Value Evaluator::EvaluateKind(const Expression& expression) {
  switch (expression.kind) {
    case ExpressionKind::kConstant:
      return expression.constant;
    case ExpressionKind::kName:
      return EvaluateName(expression);
    case ExpressionKind::kList:
      return MakeList(EvaluateItems(expression, 0));
    case ExpressionKind::kTuple:
      return MakeList(EvaluateItems(expression, 0), List::Kind::kTuple);
    case ExpressionKind::kDict:
      return EvaluateDict(expression);
    case ExpressionKind::kAttribute:
      return Attribute(Evaluate(*expression.items[0]), expression.name);
    case ExpressionKind::kSubscript:
      return EvaluateSubscript(expression);
    case ExpressionKind::kSlice:
      Throw("a slice stands outside of a subscript");
    case ExpressionKind::kCall:
      return EvaluateCall(expression);
    case ExpressionKind::kFilter:
      return Filter(expression, Evaluate(*expression.items[0]));
    case ExpressionKind::kTest:
      return Value(ApplyTest(expression.name, Evaluate(*expression.items[0]),
                             EvaluateArguments(expression)));
    case ExpressionKind::kArithmetic:
      return EvaluateArithmetic(expression);
    case ExpressionKind::kConcat:
      return EvaluateConcat(expression);
    case ExpressionKind::kCompare:
      return Value(EvaluateCompare(expression));
    case ExpressionKind::kAnd:
    case ExpressionKind::kOr: {
      // Python's: the operand that decides, not a boolean.
      const bool stop_at = expression.kind == ExpressionKind::kOr;
      Value value;
      for (const auto& item : expression.items) {
        value = Evaluate(*item);
        if (IsTrue(value) == stop_at) break;
      }
      return value;
    }
    case ExpressionKind::kNot:
      return Value(!IsTrue(Evaluate(*expression.items[0])));
    case ExpressionKind::kNegate:
    case ExpressionKind::kPlus:
      return EvaluateSigned(expression);
    case ExpressionKind::kConditional:
      if (IsTrue(Evaluate(*expression.items[1]))) return Evaluate(*expression.items[0]);
      return expression.items[2] != nullptr ? Evaluate(*expression.items[2]) : Value();
  }
  Throw("unknown expression", ErrorCode::kInternal);
}

Value Evaluator::EvaluateName(const Expression& expression) {
  const Value* value = scope_->Find(expression.name);
  return value != nullptr ? *value : Value(Value::Undefined{&expression.name});
}

std::vector<Value> Evaluator::EvaluateItems(const Expression& expression, size_t from) {
  std::vector<Value> values;
  for (size_t i = from; i < expression.items.size(); ++i)
    values.push_back(Evaluate(*expression.items[i]));
  return values;
}

Value Evaluator::EvaluateDict(const Expression& expression) {
  Charge(8 + expression.items.size() * 4);
  const Value dict = heap_.MakeDict();
  for (size_t i = 0; i + 1 < expression.items.size(); i += 2) {
    const Value key = Evaluate(*expression.items[i]);
    dict.AsDict().Set(key, Evaluate(*expression.items[i + 1]));
  }
  return dict;
}

Value Evaluator::EvaluateSubscript(const Expression& expression) {
  const Value object = Evaluate(*expression.items[0]);
  const Expression& index = *expression.items[1];
  if (index.kind != ExpressionKind::kSlice) return Item(object, Evaluate(index));
  Value parts[3];
  for (size_t i = 0; i < 3; ++i) {
    if (index.items[i] != nullptr) parts[i] = Evaluate(*index.items[i]);
  }
  return Slice(*this, object, parts[0], parts[1], parts[2]);
}

Arguments Evaluator::EvaluateArguments(const Expression& expression) {
  Arguments arguments;
  arguments.positional = EvaluateItems(expression, 1);
  for (const NamedArgument& named : expression.named) {
    arguments.named.emplace_back(named.name, Evaluate(*named.value));
  }
  if (expression.star != nullptr) {
    const std::vector<Value> more = Items(Evaluate(*expression.star));
    arguments.positional.insert(arguments.positional.end(), more.begin(), more.end());
  }
  if (expression.star_star != nullptr) {
    const Value more = Evaluate(*expression.star_star);
    if (!more.IsDict()) Throw("the argument after ** must be a dict, not " + TypeName(more));
    for (const auto& [key, value] : more.AsDict().entries()) {
      arguments.named.emplace_back(ToString(key).bytes(), value);
    }
  }
  return arguments;
}

Value Evaluator::EvaluateCall(const Expression& expression) {
  const Expression& callee = *expression.items[0];
  // A method is called without making it a value first.
  if (callee.kind == ExpressionKind::kAttribute) {
    const Value self = Evaluate(*callee.items[0]);
    if (const MethodFunction method = FindMethod(self, callee.name)) {
      return method(*this, self, EvaluateArguments(expression));
    }
    return Call(Attribute(self, callee.name), EvaluateArguments(expression));
  }
  const Value function = Evaluate(callee);
  return Call(function, EvaluateArguments(expression));
}

Value Evaluator::Call(const Value& callee, const Arguments& arguments) {
  const DepthGuard depth(*this);
  Charge(4);
  if (callee.IsUndefined()) Throw(UndefinedMessage(callee));
  if (!callee.IsObject() || !callee.AsObject().IsCallable())
    Throw("'" + TypeName(callee) + "' is not callable");
  return callee.AsObject().Call(*this, arguments);
}

Value Evaluator::Attribute(const Value& object, const std::string& name) {
  if (object.IsUndefined()) Throw(UndefinedMessage(object));
  if (object.IsObject()) {
    const std::optional<Value> value = object.AsObject().Attribute(*this, name);
    return value ? *value : Value(Value::Undefined{&name});
  }
  // Python attributes come before the items of a dict: {"items": 1}.items is the method.
  if (const MethodFunction method = FindMethod(object, name)) {
    Charge(4);
    return heap_.MakeObject<Function>(
        name, [method, object](Evaluator& evaluator, const Arguments& arguments) {
          return method(evaluator, object, arguments);
        });
  }
  const Value* value = object.IsDict() ? object.AsDict().Find(name) : nullptr;
  return value != nullptr ? *value : Value(Value::Undefined{&name});
}

Value Evaluator::Item(const Value& object, const Value& key) {
  if (object.IsUndefined()) Throw(UndefinedMessage(object));
  if (object.IsDict()) {
    const bool hashable = !key.IsDict() && !key.IsObject() &&
                          (!key.IsList() || key.AsList().kind == List::Kind::kTuple);
    if (!hashable) return Value();
    if (const Value* value = object.AsDict().Find(key)) return *value;
  } else if ((object.IsList() || object.IsString()) && key.IsInteger()) {
    const int64_t index = key.AsInteger();
    if (index == INT64_MAX) return Value();
    if (object.IsString()) {
      const Value end = index == -1 ? Value() : Value(index + 1);
      const Value character = Slice(*this, object, key, end, Value());
      return character.AsString().empty() ? Value() : character;
    }
    const auto& items = object.AsList().items;
    const auto size = static_cast<int64_t>(items.size());
    const int64_t place = index < 0 ? index + size : index;
    return place >= 0 && place < size ? items[static_cast<size_t>(place)] : Value();
  }
  if (!key.IsString()) return Value();
  if (object.IsObject()) {
    const std::optional<Value> value = object.AsObject().Attribute(*this, key.View());
    return value ? *value : Value(Value::Undefined{&key.AsString().bytes()});
  }
  // Where there is no such item, an attribute will do.
  if (FindMethod(object, key.View()) != nullptr) return Attribute(object, key.AsString().bytes());
  return Value(Value::Undefined{&key.AsString().bytes()});
}

Value Evaluator::Filter(const Expression& filter, const Value& operand) {
  return ApplyFilter(filter.name, operand, EvaluateArguments(filter));
}

// A chain of filters whose innermost operand is not written in the expression: filter and set
// blocks.
Value Evaluator::FilterChain(const Expression& filter, const Value& innermost) {
  const DepthGuard depth(*this);
  const Expression* operand = filter.items[0].get();
  return Filter(filter, operand == nullptr ? innermost : FilterChain(*operand, innermost));
}

Value Evaluator::ApplyFilter(const std::string& name, const Value& operand,
                             const Arguments& arguments) {
  for (const auto find : {FindStringFilter, FindSequenceFilter, FindSelectionFilter}) {
    if (const FilterFunction function = find(name)) return function(*this, operand, arguments);
  }
  Throw("no filter named '" + name + "'", ErrorCode::kUnsupported);
}

bool Evaluator::ApplyTest(const std::string& name, const Value& operand,
                          const Arguments& arguments) {
  const TestFunction function = FindTest(name);
  if (function == nullptr) Throw("no test named '" + name + "'", ErrorCode::kUnsupported);
  return function(*this, operand, arguments);
}

Value Evaluator::EvaluateArithmetic(const Expression& expression) {
  Value value = Evaluate(*expression.items[0]);
  for (size_t i = 1; i < expression.items.size(); ++i) {
    value = Arithmetic(expression.operators[i - 1], value, Evaluate(*expression.items[i]));
  }
  return value;
}

Value Evaluator::EvaluateConcat(const Expression& expression) {
  TaintedString text;
  for (const auto& item : expression.items) {
    text.Append(ToString(Evaluate(*item)));
    CheckSize(text.size());
  }
  return String(std::move(text));
}

bool Evaluator::EvaluateCompare(const Expression& expression) {
  Value left = Evaluate(*expression.items[0]);
  for (size_t i = 1; i < expression.items.size(); ++i) {
    const Value right = Evaluate(*expression.items[i]);
    if (!CompareWith(expression.operators[i - 1], left, right)) return false;
    left = right;
  }
  return true;
}

bool Evaluator::CompareWith(std::string_view op, const Value& a, const Value& b) {
  if (a.IsString()) ChargeBytes(a.AsString().size());
  if (b.IsString()) ChargeBytes(b.AsString().size());
  if (a.IsList()) ChargeItems(a.AsList().items.size());
  if (b.IsList()) ChargeItems(b.AsList().items.size());
  if (op == "==") return Equal(a, b);
  if (op == "!=") return !Equal(a, b);
  if (op == "in") return Contains(b, a);
  if (op == "not in") return !Contains(b, a);
  const int order = Compare(a, b);
  if (op == "<") return order < 0;
  if (op == "<=") return order <= 0;
  if (op == ">") return order > 0;
  return order >= 0;
}

Value Evaluator::EvaluateSigned(const Expression& expression) {
  const Value value = Evaluate(*expression.items[0]);
  if (value.IsUndefined()) Throw(UndefinedMessage(value));
  if (!value.IsNumber()) Throw("bad operand type for a sign: '" + TypeName(value) + "'");
  const bool negate = expression.kind == ExpressionKind::kNegate;
  if (value.Is<double>())
    return Value(negate ? -value.AsDouble() : value.AsDouble(), value.from_input);
  if (negate && value.AsInteger() == INT64_MIN) Throw("integer overflow");
  return Value(negate ? -value.AsInteger() : value.AsInteger(), value.from_input);
}

}  // namespace dure::text::jinja
