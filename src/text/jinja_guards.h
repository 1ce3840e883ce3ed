// Scoped changes to an evaluator's state.
#pragma once

#include "text/jinja_evaluator.h"

namespace dure::text::jinja {

/// Counts the nesting of evaluation.
class Evaluator::DepthGuard {
 public:
  explicit DepthGuard(Evaluator& evaluator) : evaluator_(evaluator) {
    if (evaluator_.depth_ >= evaluator_.limits_.max_depth) {
      Throw("nested more than " + std::to_string(evaluator_.limits_.max_depth) + " levels deep",
            ErrorCode::kResourceExhausted);
    }
    ++evaluator_.depth_;
  }
  ~DepthGuard() { --evaluator_.depth_; }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;

 private:
  Evaluator& evaluator_;
};

/// A new block of variables inside of `parent`, until the end of the C++ scope. The block itself
/// stays allocated: macros defined in it refer to it.
class Evaluator::ScopeGuard {
 public:
  ScopeGuard(Evaluator& evaluator, Scope* parent)
      : evaluator_(evaluator), outer_(evaluator.scope_) {
    evaluator_.Charge(4);
    evaluator_.scopes_.push_back({parent, {}});
    evaluator_.scope_ = &evaluator_.scopes_.back();
  }
  ~ScopeGuard() { evaluator_.scope_ = outer_; }
  ScopeGuard(const ScopeGuard&) = delete;
  ScopeGuard& operator=(const ScopeGuard&) = delete;

 private:
  Evaluator& evaluator_;
  Scope* outer_;
};

/// Sends the output elsewhere until the end of the C++ scope.
class Evaluator::OutputGuard {
 public:
  OutputGuard(Evaluator& evaluator, TaintedString& out)
      : evaluator_(evaluator), outer_(evaluator.out_) {
    evaluator_.out_ = &out;
  }
  ~OutputGuard() { evaluator_.out_ = outer_; }
  OutputGuard(const OutputGuard&) = delete;
  OutputGuard& operator=(const OutputGuard&) = delete;

 private:
  Evaluator& evaluator_;
  TaintedString* outer_;
};

}  // namespace dure::text::jinja
