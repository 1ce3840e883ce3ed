#include "text/grammar/automaton_cache.h"

#include <vector>

#include "text/grammar/regex.h"
#include "text/grammar/string_format.h"

namespace dure::text {
namespace {

bool FitsWord(const StringSet& set, const std::string& word) {
  const auto length = static_cast<int64_t>(CodePoints(word).size());
  if (length < set.length.min || (set.length.max >= 0 && length > set.length.max)) return false;
  if (set.excluded.contains(word)) return false;
  for (const StringSet::Pattern& pattern : set.patterns) {
    if ((pattern.dfa->Match(word) != Dfa::kDead) == pattern.negated) return false;
  }
  return true;
}

std::string NumberKey(const NumberSet& set) {
  std::string key = "number:" + std::to_string(static_cast<int>(set.whole)) +
                    (set.plain ? "p" : "") + (set.nothing ? "n" : "");
  if (set.lower) key += (set.lower->exclusive ? ">" : "]") + set.lower->value.Canonical();
  if (set.upper) key += (set.upper->exclusive ? "<" : "[") + set.upper->value.Canonical();
  for (const auto& multiple : set.multiples) {
    key += (multiple.negated ? "/" : "*") + multiple.of.Canonical();
  }
  for (const Decimal& value : set.excluded) key += "x" + value.Canonical();
  if (set.only) key += "o";
  if (set.only) {
    for (const Decimal& value : *set.only) key += "," + value.Canonical();
  }
  return key;
}

}  // namespace

Result<DfaPtr> AutomatonCache::Keep(Result<Dfa> dfa) {
  if (!dfa) return tl::unexpected(dfa.error());
  entries_ += dfa->entries();
  if (entries_ > limits_.total_entries) {
    return Fail(ErrorCode::kInvalidArgument,
                "the automata of all strings, names and numbers "
                "together are too large");
  }
  return std::make_shared<const Dfa>(std::move(*dfa));
}

Result<DfaPtr> AutomatonCache::Pattern(const std::string& pattern) {
  DfaPtr& made = made_["pattern:" + pattern];
  if (made == nullptr) {
    auto dfa = Keep(CompileRegex(pattern, RegexMatch::kSearch, limits_));
    if (!dfa) return dfa;
    made = *dfa;
  }
  return made;
}

Result<DfaPtr> AutomatonCache::Format(const std::string& format) {
  DfaPtr& made = made_["format:" + format];
  if (made == nullptr) {
    auto dfa = Keep(FormatDfa(format, limits_));
    if (!dfa) return dfa;
    made = *dfa;
  }
  return made;
}

Result<DfaPtr> AutomatonCache::Both(const DfaPtr& a, const DfaPtr& b, DfaOperation operation) {
  if (a->counting() && b->counting() && operation == DfaOperation::kAnd) {
    CountRange range{a->min_length(), a->max_length()};
    range.And({b->min_length(), b->max_length()});
    return Keep(Dfa::Lengths(range.min, range.max));
  }
  return Keep(Combine(*a, *b, operation, limits_));
}

Result<DfaPtr> AutomatonCache::String(const StringSet& set) {
  DfaPtr& made = made_["string:" + set.Key()];
  if (made == nullptr) {
    auto dfa = Build(set);
    if (!dfa) return dfa;
    made = *dfa;
  }
  return made;
}

Result<DfaPtr> AutomatonCache::Build(const StringSet& set) {
  if (set.only) {
    std::vector<std::string> words;
    for (const std::string& word : *set.only) {
      if (FitsWord(set, word)) words.push_back(word);
    }
    return Keep(WordsDfa(words));
  }
  const bool any_length = set.length.min == 0 && set.length.max < 0;
  DfaPtr dfa = any_;
  for (const StringSet::Pattern& pattern : set.patterns) {
    if (dfa == any_ && !pattern.negated) {
      dfa = pattern.dfa;
      continue;
    }
    auto both = Both(dfa, pattern.dfa, pattern.negated ? DfaOperation::kMinus : DfaOperation::kAnd);
    if (!both) return both;
    dfa = *both;
  }
  if (!any_length) {
    const auto lengths = std::make_shared<const Dfa>(Dfa::Lengths(set.length.min, set.length.max));
    auto both = dfa == any_ ? Result<DfaPtr>(lengths) : Both(dfa, lengths, DfaOperation::kAnd);
    if (!both) return both;
    dfa = *both;
  }
  if (set.excluded.empty()) return dfa;
  const std::vector<std::string> words(set.excluded.begin(), set.excluded.end());
  return Both(dfa, std::make_shared<const Dfa>(WordsDfa(words)), DfaOperation::kMinus);
}

Result<DfaPtr> AutomatonCache::Number(const NumberSet& set) {
  DfaPtr& made = made_[NumberKey(set)];
  if (made == nullptr) {
    auto dfa = Keep(NumberDfa(set, limits_));
    if (!dfa) return dfa;
    made = *dfa;
  }
  return made;
}

}  // namespace dure::text
