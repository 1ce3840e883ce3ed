#include "text/grammar/regex.h"

#include <algorithm>
#include <map>
#include <string>

#include "text/grammar/regex_syntax.h"

namespace dure::text {
namespace {

/// Thompson's construction. An edge consumes a code point of `set`, or nothing.
struct Nfa {
  enum class Edge : uint8_t { kSet, kEmpty, kTextStart, kTextEnd };
  struct State {
    Edge kind = Edge::kEmpty;
    int32_t set = -1;
    int32_t to = -1;
    int32_t other = -1;  // a second empty edge
  };
  std::vector<State> states;
  std::vector<CodePointSet> sets;
  std::map<CodePointSet, int32_t> set_ids;
};

class NfaBuilder {
 public:
  explicit NfaBuilder(const GrammarLimits& limits) : limits_(limits) {}

  /// Builds backwards: returns the state that reads `node` and goes on at `then`; -1 when a limit
  /// is reached. Depth is that of the syntax tree, which the parser limits.
  int32_t Build(const RegexNode& node, int32_t then);
  int32_t Add(Nfa::Edge kind, int32_t to, int32_t other = -1, int32_t set = -1) {
    if (full()) return -1;
    nfa.states.push_back({kind, set, to, other});
    return static_cast<int32_t>(nfa.states.size()) - 1;
  }
  int32_t AnyRun(int32_t then);
  /// Steps count too: repeating nothing adds no state.
  bool full() const { return nfa.states.size() >= limits_.nfa_states || steps_ >= kMostSteps; }

  Nfa nfa;

 private:
  int32_t SetId(const CodePointSet& set) {
    const auto [entry, added] = nfa.set_ids.emplace(set, static_cast<int32_t>(nfa.sets.size()));
    if (added) nfa.sets.push_back(set);
    return entry->second;
  }
  int32_t Repeat(const RegexNode& node, int32_t then);

  static constexpr size_t kMostSteps = 1'000'000;
  const GrammarLimits& limits_;
  size_t steps_ = 0;
};

int32_t NfaBuilder::Build(const RegexNode& node, int32_t then) {
  ++steps_;
  if (full()) return -1;
  switch (node.kind) {
    case RegexNode::Kind::kSet:
      return Add(Nfa::Edge::kSet, then, -1, SetId(node.set));
    case RegexNode::Kind::kSequence:
      for (size_t i = node.children.size(); i-- > 0;) then = Build(*node.children[i], then);
      return then;
    case RegexNode::Kind::kChoice: {
      int32_t at = Build(*node.children.back(), then);
      for (size_t i = node.children.size() - 1; i-- > 0;) {
        at = Add(Nfa::Edge::kEmpty, Build(*node.children[i], then), at);
      }
      return at;
    }
    case RegexNode::Kind::kRepeat:
      return Repeat(node, then);
    case RegexNode::Kind::kTextStart:
      return Add(Nfa::Edge::kTextStart, then);
    case RegexNode::Kind::kTextEnd:
      return Add(Nfa::Edge::kTextEnd, then);
  }
  return -1;
}

int32_t NfaBuilder::Repeat(const RegexNode& node, int32_t then) {
  const RegexNode& child = *node.children[0];
  int32_t at = then;
  if (node.max < 0) {
    const int32_t loop = Add(Nfa::Edge::kEmpty, -1, then);
    if (loop < 0) return -1;
    const int32_t body = Build(child, loop);
    nfa.states[loop].to = body;
    at = loop;
  } else {
    for (int64_t i = node.min; i < node.max && !full(); ++i) {
      at = Add(Nfa::Edge::kEmpty, Build(child, at), then);
    }
  }
  for (int64_t i = 0; i < node.min && !full(); ++i) at = Build(child, at);
  return at;
}

int32_t NfaBuilder::AnyRun(int32_t then) {
  const int32_t loop = Add(Nfa::Edge::kEmpty, -1, then);
  if (loop < 0) return -1;
  const int32_t body = Add(Nfa::Edge::kSet, loop, -1, SetId(CodePointSet::All()));
  nfa.states[loop].to = body;
  return loop;
}

/// The subset construction.
class Determiniser {
 public:
  Determiniser(const Nfa& nfa, int32_t final_state, const GrammarLimits& limits)
      : nfa_(nfa), final_(final_state), limits_(limits), mark_(nfa.states.size(), 0) {}

  Result<Dfa> Run(int32_t start);

 private:
  /// States reachable without consuming; only those that consume, end or are final are kept.
  std::vector<int32_t> Closure(const std::vector<int32_t>& from, bool at_start, bool at_end,
                               bool& final);

  const Nfa& nfa_;
  int32_t final_;
  const GrammarLimits& limits_;
  std::vector<uint32_t> mark_;
  uint32_t round_ = 0;
  size_t work_ = 0;
};

std::vector<int32_t> Determiniser::Closure(const std::vector<int32_t>& from, bool at_start,
                                           bool at_end, bool& final) {
  ++round_;
  std::vector<int32_t> stack = from;
  std::vector<int32_t> kept;
  final = false;
  while (!stack.empty()) {
    const int32_t s = stack.back();
    stack.pop_back();
    if (mark_[s] == round_) continue;
    mark_[s] = round_;
    ++work_;
    if (s == final_) {
      final = true;
      kept.push_back(s);
      continue;
    }
    const Nfa::State& state = nfa_.states[s];
    switch (state.kind) {
      case Nfa::Edge::kSet:
        kept.push_back(s);
        break;
      case Nfa::Edge::kEmpty:
        if (state.other >= 0) stack.push_back(state.other);
        stack.push_back(state.to);
        break;
      case Nfa::Edge::kTextStart:
        if (at_start) stack.push_back(state.to);
        break;
      case Nfa::Edge::kTextEnd:
        kept.push_back(s);
        if (at_end) stack.push_back(state.to);
        break;
    }
  }
  std::sort(kept.begin(), kept.end());
  return kept;
}

Result<Dfa> Determiniser::Run(int32_t start) {
  Alphabet alphabet(nfa_.sets);
  const int classes = alphabet.size();
  std::vector<std::vector<int>> classes_of(nfa_.sets.size());
  for (size_t s = 0; s < nfa_.sets.size(); ++s) {
    std::vector<char> in(classes, 0);
    for (const CodePointRange& range : nfa_.sets[s].ranges()) {
      for (size_t r = alphabet.FirstRange(range.first);
           r < alphabet.ranges().size() && alphabet.ranges()[r].first <= range.last; ++r) {
        in[alphabet.ranges()[r].klass] = 1;
      }
    }
    for (int c = 0; c < classes; ++c) {
      if (in[c]) classes_of[s].push_back(c);
    }
  }
  std::map<std::vector<int32_t>, int32_t> ids;
  std::vector<const std::vector<int32_t>*> subsets;
  std::vector<int32_t> next;
  std::vector<int32_t> accept;
  const auto id_of = [&](std::vector<int32_t> subset) {
    if (subset.empty()) return Dfa::kDead;
    const auto [entry, added] =
        ids.emplace(std::move(subset), static_cast<int32_t>(subsets.size()));
    if (added) subsets.push_back(&entry->first);
    return entry->second;
  };
  bool final = false;
  // The start stands apart from equal subsets later on: only there ^ holds. -1 keeps its key apart.
  std::vector<int32_t> first = Closure({start}, true, false, final);
  first.insert(first.begin(), -1);
  id_of(first);
  std::vector<std::vector<int32_t>> targets(classes);
  for (size_t i = 0; i < subsets.size(); ++i) {
    const bool at_start = i == 0;
    const std::vector<int32_t> subset(subsets[i]->begin() + (at_start ? 1 : 0), subsets[i]->end());
    Closure(at_start ? std::vector<int32_t>{start} : subset, at_start, true, final);
    accept.push_back(final ? 0 : Dfa::kDead);
    for (auto& list : targets) list.clear();
    for (const int32_t s : subset) {
      if (s == final_ || nfa_.states[s].kind != Nfa::Edge::kSet) continue;
      for (const int c : classes_of[nfa_.states[s].set]) targets[c].push_back(nfa_.states[s].to);
      work_ += classes_of[nfa_.states[s].set].size();
    }
    for (int c = 0; c < classes; ++c) {
      bool unused = false;
      next.push_back(id_of(Closure(targets[c], false, false, unused)));
    }
    if (subsets.size() > limits_.dfa_states || next.size() > limits_.dfa_entries ||
        work_ > limits_.dfa_entries * 4) {
      return Fail(ErrorCode::kInvalidArgument,
                  "the regular expression needs more states than allowed");
    }
  }
  return Dfa(std::move(alphabet), std::move(next), std::move(accept), 0);
}

}  // namespace

Result<Dfa> CompileRegex(std::string_view pattern, RegexMatch match, const GrammarLimits& limits) {
  auto tree = ParseRegex(pattern, limits);
  if (!tree) return tl::unexpected(tree.error());
  NfaBuilder builder(limits);
  const int32_t final_state = builder.Add(Nfa::Edge::kEmpty, -1);
  int32_t at = match == RegexMatch::kSearch ? builder.AnyRun(final_state) : final_state;
  at = builder.Build(**tree, at);
  if (at >= 0 && match == RegexMatch::kSearch) at = builder.AnyRun(at);
  if (at < 0 || builder.full()) {
    return Fail(ErrorCode::kInvalidArgument, "the regular expression needs more than " +
                                                 std::to_string(limits.nfa_states) +
                                                 " states before it is made deterministic");
  }
  return Determiniser(builder.nfa, final_state, limits).Run(at);
}

}  // namespace dure::text
