// Runs the syntax tree of a template.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/chat_template.h"
#include "text/jinja_ast.h"
#include "text/jinja_value.h"

namespace dure::text::jinja {

/// Variables of one block. A lookup that fails goes on in the parent.
struct Scope {
  Scope* parent = nullptr;
  std::vector<std::pair<std::string_view, Value>>
      variables;  // names are owned by the template or the context

  const Value* Find(std::string_view name) const;
  void Set(std::string_view name, const Value& value);
};

/// One rendering. Throws TemplateError with the line. Not thread-safe; make one per rendering.
class Evaluator {
 public:
  Evaluator(const TemplateLimits& limits, Heap& heap, Scope& globals, int64_t unix_time)
      : limits_(limits), heap_(heap), scope_(&globals), unix_time_(unix_time) {}

  /// Renders the whole template.
  TaintedString Render(const Template& tree);

  // What filters, tests, methods and functions use.
  Heap& heap() { return heap_; }
  int64_t unix_time() const { return unix_time_; }
  /// Counts work; throws kResourceExhausted beyond max_steps.
  void Charge(uint64_t steps);
  /// The work of touching that many bytes or list items.
  void ChargeBytes(size_t bytes) { Charge(bytes / 16); }
  void ChargeItems(size_t items) { Charge(items * 4); }
  /// A string value; counts its bytes, and throws beyond max_output_bytes.
  Value String(TaintedString text);
  Value Trusted(std::string_view text) { return String(TaintedString::Trusted(text)); }
  Value MakeList(std::vector<Value> items, List::Kind kind = List::Kind::kList);
  std::vector<Value> Items(const Value& iterable);

  Value Call(const Value& callee, const Arguments& arguments);
  /// object.name and object[key]: undefined where there is none; throws on an undefined object.
  Value Attribute(const Value& object, const std::string& name);
  Value Item(const Value& object, const Value& key);
  Value ApplyFilter(const std::string& name, const Value& operand, const Arguments& arguments);
  bool ApplyTest(const std::string& name, const Value& operand, const Arguments& arguments);
  Value Arithmetic(std::string_view op, const Value& a, const Value& b);
  bool CompareWith(std::string_view op, const Value& a, const Value& b);

 private:
  friend class Macro;
  class DepthGuard;
  class ScopeGuard;
  class OutputGuard;
  enum class Flow { kNext, kBreak, kContinue };

  Value Evaluate(const Expression& expression);
  Value EvaluateKind(const Expression& expression);
  Value EvaluateName(const Expression& expression);
  Value EvaluateDict(const Expression& expression);
  Value EvaluateSubscript(const Expression& expression);
  Value EvaluateCall(const Expression& expression);
  Value EvaluateArithmetic(const Expression& expression);
  Value EvaluateConcat(const Expression& expression);
  bool EvaluateCompare(const Expression& expression);
  Value EvaluateSigned(const Expression& expression);
  std::vector<Value> EvaluateItems(const Expression& expression, size_t from);
  Arguments EvaluateArguments(const Expression& expression);
  Value Filter(const Expression& filter, const Value& operand);
  Value FilterChain(const Expression& filter, const Value& innermost);

  Flow Execute(const Body& body);
  Flow ExecuteStatement(const Statement& statement);
  Flow ExecuteIf(const Statement& statement);
  Flow ExecuteFor(const Statement& statement);
  std::vector<Value> LoopItems(const Statement& statement);
  void ExecuteWith(const Statement& statement);
  void ExecuteCallBlock(const Statement& statement);
  Value MakeMacro(const Statement& statement, std::string_view name);
  Value CallMacro(const Statement& statement, Scope* closure, const Arguments& arguments);
  Value RenderBody(const Body& body);
  void Assign(const Target& target, const Value& value);
  void Emit(const TaintedString& text);
  void CheckSize(size_t bytes) const;

  const TemplateLimits& limits_;
  Heap& heap_;
  Scope* scope_;
  const int64_t unix_time_;
  TaintedString* out_ = nullptr;
  std::deque<Scope> scopes_;
  uint64_t steps_ = 0;
  uint32_t depth_ = 0;
};

/// Tables of what the language knows by name; nullptr where there is none.
using FilterFunction = Value (*)(Evaluator&, const Value& operand, const Arguments&);
using TestFunction = bool (*)(Evaluator&, const Value& operand, const Arguments&);
FilterFunction FindStringFilter(std::string_view name);
FilterFunction FindSequenceFilter(std::string_view name);
FilterFunction FindSelectionFilter(std::string_view name);
TestFunction FindTest(std::string_view name);

/// Python methods of strings, lists and dicts.
using MethodFunction = Value (*)(Evaluator&, const Value& self, const Arguments&);
MethodFunction FindMethod(const Value& self, std::string_view name);
MethodFunction FindStringMethod(std::string_view name);

/// list[a:b:c] and str[a:b:c]; undefined or none stands for "left out".
Value Slice(Evaluator& evaluator, const Value& object, const Value& begin, const Value& end,
            const Value& step);
/// "..." % arguments
Value FormatPercent(Evaluator& evaluator, const TaintedString& format, const Value& arguments);

/// range, dict, namespace, raise_exception, strftime_now, cycler, joiner.
void AddGlobals(Heap& heap, Scope& scope);

}  // namespace dure::text::jinja
