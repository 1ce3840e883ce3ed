// Objects of the language that are neither data nor written by the template: functions, the loop
// variable.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja_evaluator.h"

namespace dure::text::jinja {

class Function final : public Object {
 public:
  using Body = std::function<Value(Evaluator&, const Arguments&)>;
  Function(std::string name, Body body) : name_(std::move(name)), body_(std::move(body)) {}
  bool IsCallable() const override { return true; }
  Value Call(Evaluator& evaluator, const Arguments& arguments) override {
    return body_(evaluator, arguments);
  }
  std::string Describe() const override { return "function " + name_; }

 private:
  std::string name_;
  Body body_;
};

/// `loop` inside of a for loop.
class Loop final : public Object {
 public:
  explicit Loop(std::vector<Value> items) : items_(std::move(items)) {}
  std::optional<Value> Attribute(Evaluator& evaluator, std::string_view name) override;
  std::string Describe() const override { return "loop"; }

  const std::vector<Value>& items() const { return items_; }
  void MoveTo(size_t index) { index_ = index; }

 private:
  Value Cycle(const Arguments& arguments) const;
  bool Changed(const Arguments& arguments);

  std::vector<Value> items_;
  size_t index_ = 0;
  std::optional<std::vector<Value>> last_changed_;
};

/// namespace(...): the one thing a loop body can assign to outside of itself.
class Namespace final : public Object {
 public:
  explicit Namespace(Value dict) : dict_(dict) {}
  std::optional<Value> Attribute(Evaluator& evaluator, std::string_view name) override;
  void Set(Evaluator& evaluator, std::string_view name, const Value& value);
  std::string Describe() const override { return "namespace"; }

 private:
  Value dict_;
};

}  // namespace dure::text::jinja
