// Statements. Expressions are in jinja_expressions.cc.
#include "text/jinja_evaluator.h"

#include <utility>

#include "text/jinja_guards.h"
#include "text/jinja_objects.h"

namespace dure::text::jinja {

// A macro as a value: its statement and the variables around its definition.
class Macro final : public Object {
 public:
  Macro(const Statement& statement, Scope* closure, std::string_view name)
      : statement_(statement), closure_(closure), name_(name) {}
  bool IsCallable() const override { return true; }
  Value Call(Evaluator& evaluator, const Arguments& arguments) override {
    return evaluator.CallMacro(statement_, closure_, arguments);
  }
  std::optional<Value> Attribute(Evaluator& evaluator, std::string_view name) override {
    if (name == "name") return evaluator.Trusted(name_);
    return std::nullopt;
  }
  std::string Describe() const override { return "macro '" + std::string(name_) + "'"; }

 private:
  const Statement& statement_;
  Scope* closure_;
  std::string_view name_;
};

const Value* Scope::Find(std::string_view name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->parent) {
    for (const auto& [key, value] : scope->variables) {
      if (key == name) return &value;
    }
  }
  return nullptr;
}

void Scope::Set(std::string_view name, const Value& value) {
  for (auto& [key, old] : variables) {
    if (key == name) {
      old = value;
      return;
    }
  }
  variables.emplace_back(name, value);
}

void Evaluator::Charge(uint64_t steps) {
  steps_ += steps;
  if (steps_ > limits_.max_steps) {
    Throw("the template takes more than " + std::to_string(limits_.max_steps) + " steps",
          ErrorCode::kResourceExhausted);
  }
}

void Evaluator::CheckSize(size_t bytes) const {
  if (bytes > limits_.max_output_bytes) {
    Throw("more than " + std::to_string(limits_.max_output_bytes) + " bytes of output",
          ErrorCode::kResourceExhausted);
  }
}

Value Evaluator::String(TaintedString text) {
  CheckSize(text.size());
  Charge(2);
  ChargeBytes(text.size());
  return heap_.String(std::move(text));
}

Value Evaluator::MakeList(std::vector<Value> items, List::Kind kind) {
  Charge(2);
  ChargeItems(items.size());
  return heap_.MakeList(std::move(items), kind);
}

std::vector<Value> Evaluator::Items(const Value& iterable) {
  // Before the characters of a string become values of their own.
  if (iterable.IsString()) ChargeItems(iterable.AsString().size());
  if (iterable.IsList()) ChargeItems(iterable.AsList().items.size());
  if (iterable.IsDict()) ChargeItems(iterable.AsDict().size());
  return Iterate(heap_, iterable);
}

TaintedString Evaluator::Render(const Template& tree) {
  TaintedString out;
  const OutputGuard output(*this, out);
  const ScopeGuard scope(*this, scope_);
  Execute(tree.body);
  return out;
}

void Evaluator::Emit(const TaintedString& text) {
  CheckSize(out_->size() + text.size());
  ChargeBytes(text.size());
  out_->Append(text);
}

Value Evaluator::RenderBody(const Body& body) {
  TaintedString out;
  {
    const OutputGuard output(*this, out);
    Execute(body);
  }
  return String(std::move(out));
}

Evaluator::Flow Evaluator::Execute(const Body& body) {
  const DepthGuard depth(*this);
  for (const auto& statement : body) {
    Charge(1);
    Flow flow = Flow::kNext;
    try {
      flow = ExecuteStatement(*statement);
    } catch (TemplateError& error) {
      if (error.line == 0) error.line = statement->line;
      throw;
    }
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Evaluator::Flow Evaluator::ExecuteStatement(const Statement& statement) {
  switch (statement.kind) {
    case StatementKind::kText:
      CheckSize(out_->size() + statement.text.size());
      ChargeBytes(statement.text.size());
      out_->AppendTrusted(statement.text);
      break;
    case StatementKind::kPrint:
      Emit(ToString(Evaluate(*statement.expression)));
      break;
    case StatementKind::kIf:
      return ExecuteIf(statement);
    case StatementKind::kFor:
      return ExecuteFor(statement);
    case StatementKind::kSet:
      Assign(statement.target, Evaluate(*statement.expression));
      break;
    case StatementKind::kSetBlock: {
      Value value;
      {
        const ScopeGuard scope(*this, scope_);
        value = RenderBody(statement.body);
        if (statement.expression != nullptr) value = FilterChain(*statement.expression, value);
      }
      Assign(statement.target, value);
      break;
    }
    case StatementKind::kMacro:
      scope_->Set(statement.text, MakeMacro(statement, statement.text));
      break;
    case StatementKind::kCallBlock:
      ExecuteCallBlock(statement);
      break;
    case StatementKind::kFilterBlock: {
      const ScopeGuard scope(*this, scope_);
      Emit(ToString(FilterChain(*statement.expression, RenderBody(statement.body))));
      break;
    }
    case StatementKind::kWith:
      ExecuteWith(statement);
      break;
    case StatementKind::kDo:
      Evaluate(*statement.expression);
      break;
    case StatementKind::kScope: {
      const ScopeGuard scope(*this, scope_);
      return Execute(statement.body);
    }
    case StatementKind::kBreak:
      return Flow::kBreak;
    case StatementKind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNext;
}

Evaluator::Flow Evaluator::ExecuteIf(const Statement& statement) {
  for (const Branch& branch : statement.branches) {
    if (IsTrue(Evaluate(*branch.condition))) return Execute(branch.body);
  }
  return Execute(statement.otherwise);
}

// What the loop goes through: the iterable's items, without those its "if" leaves out.
std::vector<Value> Evaluator::LoopItems(const Statement& statement) {
  std::vector<Value> items = Items(Evaluate(*statement.expression));
  if (statement.condition == nullptr) return items;
  std::vector<Value> kept;
  const ScopeGuard scope(*this, scope_);
  for (const Value& item : items) {
    scope_->variables.clear();
    Assign(statement.target, item);
    if (IsTrue(Evaluate(*statement.condition))) kept.push_back(item);
  }
  return kept;
}

Evaluator::Flow Evaluator::ExecuteFor(const Statement& statement) {
  std::vector<Value> items = LoopItems(statement);
  if (items.empty()) {
    const ScopeGuard scope(*this, scope_);
    return Execute(statement.otherwise);
  }
  const Value loop_value = heap_.MakeObject<Loop>(std::move(items));
  auto& loop = static_cast<Loop&>(loop_value.AsObject());
  const ScopeGuard scope(*this, scope_);
  for (size_t i = 0; i < loop.items().size(); ++i) {
    Charge(1);
    scope_->variables.clear();
    loop.MoveTo(i);
    scope_->Set("loop", loop_value);
    Assign(statement.target, loop.items()[i]);
    if (Execute(statement.body) == Flow::kBreak) break;
  }
  return Flow::kNext;
}

void Evaluator::ExecuteWith(const Statement& statement) {
  std::vector<Value> values;
  for (const auto& [target, expression] : statement.bindings)
    values.push_back(Evaluate(*expression));
  const ScopeGuard scope(*this, scope_);
  for (size_t i = 0; i < values.size(); ++i) Assign(statement.bindings[i].first, values[i]);
  Execute(statement.body);
}

Value Evaluator::MakeMacro(const Statement& statement, std::string_view name) {
  return heap_.MakeObject<Macro>(statement, scope_, name);
}

void Evaluator::ExecuteCallBlock(const Statement& statement) {
  const Value caller = MakeMacro(statement, "caller");
  const Expression& call = *statement.expression;
  const Value callee = Evaluate(*call.items[0]);
  Arguments arguments = EvaluateArguments(call);
  arguments.named.emplace_back("caller", caller);
  Emit(ToString(Call(callee, arguments)));
}

Value Evaluator::CallMacro(const Statement& statement, Scope* closure, const Arguments& arguments) {
  const DepthGuard depth(*this);
  const ScopeGuard scope(*this, closure);
  const auto& parameters = statement.parameters;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Parameter& parameter = parameters[i];
    Value value(Value::Undefined{&parameter.name});
    if (const Value* given = arguments.Find(i, parameter.name)) {
      value = *given;
    } else if (parameter.fallback != nullptr) {
      value = Evaluate(*parameter.fallback);
    }
    scope_->Set(parameter.name, value);
  }
  std::vector<Value> rest;
  for (size_t i = parameters.size(); i < arguments.positional.size(); ++i)
    rest.push_back(arguments.positional[i]);
  scope_->Set("varargs", heap_.MakeTuple(std::move(rest)));
  const Value extra = heap_.MakeDict();
  for (const auto& [name, value] : arguments.named) {
    bool known = false;
    for (const Parameter& parameter : parameters) known = known || parameter.name == name;
    if (name == "caller") scope_->Set("caller", value);
    if (!known && name != "caller") extra.AsDict().Set(heap_.Trusted(name), value);
  }
  scope_->Set("kwargs", extra);
  return RenderBody(statement.body);
}

void Evaluator::Assign(const Target& target, const Value& value) {
  if (!target.parts.empty()) {
    const std::vector<Value> items = Items(value);
    if (items.size() != target.parts.size()) {
      Throw("cannot unpack " + std::to_string(items.size()) + " values into " +
            std::to_string(target.parts.size()));
    }
    for (size_t i = 0; i < items.size(); ++i) Assign(target.parts[i], items[i]);
  } else if (target.attribute.empty()) {
    scope_->Set(target.name, value);
  } else {
    const Value* object = scope_->Find(target.name);
    auto* space = object != nullptr && object->IsObject()
                      ? dynamic_cast<Namespace*>(&object->AsObject())
                      : nullptr;
    if (space == nullptr)
      Throw("cannot assign to an attribute of '" + target.name + "': it is not a namespace");
    space->Set(*this, target.attribute, value);
  }
}

}  // namespace dure::text::jinja
