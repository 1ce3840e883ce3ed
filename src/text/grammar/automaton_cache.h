// The automata that compiling one schema needs, each made once and all counted against a budget.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/error.h"
#include "text/grammar/dfa.h"
#include "text/grammar/limits.h"
#include "text/grammar/schema_cube.h"

namespace dure::text {

using DfaPtr = std::shared_ptr<const Dfa>;

/// Used by one thread.
class AutomatonCache {
 public:
  explicit AutomatonCache(const GrammarLimits& limits) : limits_(limits) {}

  /// Errors: those of CompileRegex, FormatDfa, NumberDfa and Combine; kInvalidArgument when all
  /// together become too large.
  Result<DfaPtr> Pattern(const std::string& pattern);
  Result<DfaPtr> Format(const std::string& format);
  Result<DfaPtr> String(const StringSet& set);
  Result<DfaPtr> Number(const NumberSet& set);
  Result<DfaPtr> Both(const DfaPtr& a, const DfaPtr& b, DfaOperation operation);
  /// Counts an automaton made elsewhere.
  Result<DfaPtr> Keep(Result<Dfa> dfa);
  const DfaPtr& any() const { return any_; }

 private:
  Result<DfaPtr> Build(const StringSet& set);

  const GrammarLimits& limits_;
  size_t entries_ = 0;
  DfaPtr any_ = std::make_shared<const Dfa>(Dfa::Any());
  std::map<std::string, DfaPtr> made_;
};

}  // namespace dure::text
