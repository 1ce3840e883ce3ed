// Tests: `value is name`.
#include <algorithm>

#include "text/jinja_evaluator.h"
#include "text/unicode.h"

namespace dure::text::jinja {
namespace {

const Value& One(const Arguments& a) {
  a.ExpectAtMost(1, {"other", "num", "seq", "value"});
  if (!a.positional.empty()) return a.positional[0];
  if (a.named.empty()) Throw("the test takes an argument");
  return a.named[0].second;
}

bool IsDefined(Evaluator&, const Value& v, const Arguments&) { return !v.IsUndefined(); }
bool IsUndefinedTest(Evaluator&, const Value& v, const Arguments&) { return v.IsUndefined(); }
bool IsNoneTest(Evaluator&, const Value& v, const Arguments&) { return v.IsNone(); }
bool IsStringTest(Evaluator&, const Value& v, const Arguments&) { return v.IsString(); }
bool IsMapping(Evaluator&, const Value& v, const Arguments&) { return v.IsDict(); }
bool IsBoolean(Evaluator&, const Value& v, const Arguments&) { return v.Is<bool>(); }
bool IsTrueTest(Evaluator&, const Value& v, const Arguments&) { return v.Is<bool>() && IsTrue(v); }
bool IsFalseTest(Evaluator&, const Value& v, const Arguments&) {
  return v.Is<bool>() && !IsTrue(v);
}
bool IsIntegerTest(Evaluator&, const Value& v, const Arguments&) { return v.Is<int64_t>(); }
bool IsFloatTest(Evaluator&, const Value& v, const Arguments&) { return v.Is<double>(); }
bool IsNumberTest(Evaluator&, const Value& v, const Arguments&) { return v.IsNumber(); }
bool IsCallableTest(Evaluator&, const Value& v, const Arguments&) {
  return v.IsObject() && v.AsObject().IsCallable();
}
bool IsIterable(Evaluator&, const Value& v, const Arguments&) {
  return v.IsUndefined() || v.IsString() || v.IsList() || v.IsDict();
}
bool IsSequenceTest(Evaluator&, const Value& v, const Arguments&) {
  return v.IsUndefined() || v.IsString() || v.IsDict() ||
         (v.IsList() && v.AsList().kind != List::Kind::kGenerator);
}

int64_t RequireInteger(const Value& v) {
  if (!v.IsInteger()) Throw("the test takes an integer, not " + TypeName(v));
  return v.AsInteger();
}

bool IsOdd(Evaluator&, const Value& v, const Arguments&) { return RequireInteger(v) % 2 != 0; }
bool IsEven(Evaluator&, const Value& v, const Arguments&) { return RequireInteger(v) % 2 == 0; }
bool IsDivisibleBy(Evaluator&, const Value& v, const Arguments& a) {
  const int64_t divisor = RequireInteger(One(a));
  if (divisor == 0) Throw("division by zero");
  return divisor == -1 || RequireInteger(v) % divisor == 0;
}

template <bool upper>
bool IsCase(Evaluator& e, const Value& v, const Arguments&) {
  const Value text = e.String(ToString(v));
  const Arguments none;
  return IsTrue(FindStringMethod(upper ? "isupper" : "islower")(e, text, none));
}

bool IsSameAs(Evaluator&, const Value& v, const Arguments& a) {
  const Value& other = One(a);
  if (v.data.index() != other.data.index()) return false;
  if (v.IsString()) return &v.AsString() == &other.AsString() || v.View() == other.View();
  if (v.IsList()) return &v.AsList() == &other.AsList();
  if (v.IsDict()) return &v.AsDict() == &other.AsDict();
  return Equal(v, other);
}

bool IsIn(Evaluator& e, const Value& v, const Arguments& a) {
  return e.CompareWith("in", v, One(a));
}
bool IsEqual(Evaluator& e, const Value& v, const Arguments& a) {
  return e.CompareWith("==", v, One(a));
}
bool IsNotEqual(Evaluator& e, const Value& v, const Arguments& a) {
  return e.CompareWith("!=", v, One(a));
}
bool IsLess(Evaluator& e, const Value& v, const Arguments& a) {
  return e.CompareWith("<", v, One(a));
}
bool IsLessOrEqual(Evaluator& e, const Value& v, const Arguments& a) {
  return e.CompareWith("<=", v, One(a));
}
bool IsGreater(Evaluator& e, const Value& v, const Arguments& a) {
  return e.CompareWith(">", v, One(a));
}
bool IsGreaterOrEqual(Evaluator& e, const Value& v, const Arguments& a) {
  return e.CompareWith(">=", v, One(a));
}

bool IsFilter(Evaluator&, const Value& v, const Arguments&) {
  return v.IsString() &&
         (FindStringFilter(v.View()) != nullptr || FindSequenceFilter(v.View()) != nullptr ||
          FindSelectionFilter(v.View()) != nullptr);
}
bool IsTest(Evaluator&, const Value& v, const Arguments&) {
  return v.IsString() && FindTest(v.View()) != nullptr;
}
bool IsEscaped(Evaluator&, const Value&, const Arguments&) { return false; }

struct Entry {
  std::string_view name;
  TestFunction function;
};

constexpr Entry kTests[] = {
    {"defined", IsDefined},
    {"undefined", IsUndefinedTest},
    {"none", IsNoneTest},
    {"string", IsStringTest},
    {"mapping", IsMapping},
    {"boolean", IsBoolean},
    {"true", IsTrueTest},
    {"false", IsFalseTest},
    {"integer", IsIntegerTest},
    {"float", IsFloatTest},
    {"number", IsNumberTest},
    {"callable", IsCallableTest},
    {"iterable", IsIterable},
    {"sequence", IsSequenceTest},
    {"odd", IsOdd},
    {"even", IsEven},
    {"divisibleby", IsDivisibleBy},
    {"upper", IsCase<true>},
    {"lower", IsCase<false>},
    {"sameas", IsSameAs},
    {"in", IsIn},
    {"equalto", IsEqual},
    {"eq", IsEqual},
    {"==", IsEqual},
    {"ne", IsNotEqual},
    {"!=", IsNotEqual},
    {"lt", IsLess},
    {"lessthan", IsLess},
    {"<", IsLess},
    {"le", IsLessOrEqual},
    {"<=", IsLessOrEqual},
    {"gt", IsGreater},
    {"greaterthan", IsGreater},
    {">", IsGreater},
    {"ge", IsGreaterOrEqual},
    {">=", IsGreaterOrEqual},
    {"filter", IsFilter},
    {"test", IsTest},
    {"escaped", IsEscaped},
};

}  // namespace

TestFunction FindTest(std::string_view name) {
  const auto* entry = std::find_if(std::begin(kTests), std::end(kTests),
                                   [&](const Entry& e) { return e.name == name; });
  return entry == std::end(kTests) ? nullptr : entry->function;
}

}  // namespace dure::text::jinja
