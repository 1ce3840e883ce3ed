// Products of automata and automata of word lists.
#include <algorithm>
#include <map>
#include <unordered_map>

#include "text/grammar/dfa.h"

namespace dure::text {
namespace {

tl::unexpected<Error> TooManyStates(const GrammarLimits& limits) {
  return Fail(ErrorCode::kInvalidArgument,
              "the automaton of a string, name or number needs more than " +
                  std::to_string(limits.dfa_states) + " states");
}

int32_t NextOfClass(const Dfa& dfa, int32_t state, int klass) {
  if (state == Dfa::kDead) return Dfa::kDead;
  if (dfa.counting()) return dfa.Next(state, 0);
  return dfa.table()[static_cast<size_t>(state) * dfa.alphabet().size() + klass];
}

bool Alive(int32_t a, int32_t b, DfaOperation operation) {
  switch (operation) {
    case DfaOperation::kAnd:
      return a != Dfa::kDead && b != Dfa::kDead;
    case DfaOperation::kOr:
      return a != Dfa::kDead || b != Dfa::kDead;
    case DfaOperation::kMinus:
      return a != Dfa::kDead;
  }
  return false;
}

bool Accepts(const Dfa& dfa, int32_t state) {
  return state != Dfa::kDead && dfa.Accept(state) != Dfa::kDead;
}

/// The prefix tree of the words: nodes with sorted children.
struct WordTree {
  struct Node {
    std::map<char32_t, int32_t> children;
    int word = -1;
  };
  std::vector<Node> nodes = std::vector<Node>(1);
  CodePointSet used;

  explicit WordTree(std::span<const std::string> words) {
    std::vector<CodePointRange> letters;
    for (size_t w = 0; w < words.size(); ++w) {
      int32_t at = 0;
      for (const char32_t c : CodePoints(words[w])) {
        letters.push_back({c, c});
        const auto [entry, added] =
            nodes[at].children.emplace(c, static_cast<int32_t>(nodes.size()));
        at = entry->second;
        if (added) nodes.emplace_back();
      }
      nodes[at].word = static_cast<int>(w);
    }
    used = CodePointSet(std::move(letters));
  }

  /// One set per letter, so that an alphabet tells them apart.
  std::vector<CodePointSet> Letters() const {
    std::vector<CodePointSet> sets;
    for (const CodePointRange& range : used.ranges()) {
      for (char32_t c = range.first; c <= range.last; ++c) sets.push_back(CodePointSet({{c, c}}));
    }
    return sets;
  }
};

/// The alphabet of all automata together, and for each class one of its code points.
Alphabet JoinAll(const Alphabet& first, std::span<const Dfa* const> others,
                 std::vector<char32_t>& letter) {
  Alphabet joined = first;
  std::vector<std::pair<int, int>> pairs;
  for (const Dfa* dfa : others) joined = Alphabet::Join(joined, dfa->alphabet(), pairs);
  letter.assign(joined.size(), 0);
  for (const Alphabet::Range& range : joined.ranges()) letter[range.klass] = range.first;
  return joined;
}

}  // namespace

Result<Dfa> Combine(const Dfa& a, const Dfa& b, DfaOperation operation,
                    const GrammarLimits& limits) {
  std::vector<std::pair<int, int>> pairs;
  Alphabet alphabet = Alphabet::Join(a.alphabet(), b.alphabet(), pairs);
  std::vector<std::pair<int32_t, int32_t>> states;
  std::unordered_map<uint64_t, int32_t> ids;
  const auto id_of = [&](int32_t x, int32_t y) {
    if (!Alive(x, y, operation)) return Dfa::kDead;
    const uint64_t key =
        static_cast<uint64_t>(static_cast<uint32_t>(x)) << 32 | static_cast<uint32_t>(y);
    const auto [entry, added] = ids.emplace(key, static_cast<int32_t>(states.size()));
    if (added) states.push_back({x, y});
    return entry->second;
  };
  const int32_t start = id_of(a.start(), b.start());
  std::vector<int32_t> next;
  std::vector<int32_t> accept;
  for (size_t i = 0; i < states.size(); ++i) {
    const auto [x, y] = states[i];
    for (const auto& [ka, kb] : pairs) {
      next.push_back(id_of(NextOfClass(a, x, ka), NextOfClass(b, y, kb)));
    }
    const bool in_a = Accepts(a, x);
    const bool in_b = Accepts(b, y);
    const bool in = operation == DfaOperation::kAnd  ? in_a && in_b
                    : operation == DfaOperation::kOr ? in_a || in_b
                                                     : in_a && !in_b;
    accept.push_back(in ? 0 : Dfa::kDead);
    if (states.size() > limits.dfa_states || next.size() > limits.dfa_entries) {
      return TooManyStates(limits);
    }
  }
  return Dfa(std::move(alphabet), std::move(next), std::move(accept), start);
}

Dfa WordsDfa(std::span<const std::string> words) {
  const WordTree tree(words);
  const std::vector<CodePointSet> letters = tree.Letters();
  Alphabet alphabet(letters);
  std::vector<int32_t> next(tree.nodes.size() * alphabet.size(), Dfa::kDead);
  std::vector<int32_t> accept(tree.nodes.size(), Dfa::kDead);
  for (size_t n = 0; n < tree.nodes.size(); ++n) {
    if (tree.nodes[n].word >= 0) accept[n] = 0;
    for (const auto& [c, child] : tree.nodes[n].children) {
      next[n * alphabet.size() + alphabet.ClassOf(c)] = child;
    }
  }
  return Dfa(std::move(alphabet), std::move(next), std::move(accept), 0);
}

Result<Dfa> NamesDfa(std::span<const std::string> literals, std::span<const Dfa* const> patterns,
                     const std::function<int32_t(int, const std::vector<bool>&)>& tag,
                     const GrammarLimits& limits) {
  const WordTree tree(literals);
  std::vector<char32_t> letter;
  Alphabet alphabet = JoinAll(Alphabet(tree.Letters()), patterns, letter);
  // A state: the node of the tree (kDead: no literal any more), then one state of each pattern.
  std::vector<std::vector<int32_t>> states;
  std::map<std::vector<int32_t>, int32_t> ids;
  const auto id_of = [&](const std::vector<int32_t>& state) {
    const auto [entry, added] = ids.emplace(state, static_cast<int32_t>(states.size()));
    if (added) states.push_back(state);
    return entry->second;
  };
  std::vector<int32_t> state = {0};
  for (const Dfa* dfa : patterns) state.push_back(dfa->start());
  id_of(state);
  std::vector<int32_t> next;
  std::vector<int32_t> accept;
  std::vector<bool> matched(patterns.size());
  for (size_t i = 0; i < states.size(); ++i) {
    const std::vector<int32_t> from = states[i];
    for (size_t p = 0; p < patterns.size(); ++p) matched[p] = Accepts(*patterns[p], from[p + 1]);
    accept.push_back(tag(from[0] < 0 ? -1 : tree.nodes[from[0]].word, matched));
    for (const char32_t c : letter) {
      state[0] = Dfa::kDead;
      if (from[0] >= 0) {
        const auto child = tree.nodes[from[0]].children.find(c);
        if (child != tree.nodes[from[0]].children.end()) state[0] = child->second;
      }
      for (size_t p = 0; p < patterns.size(); ++p) {
        state[p + 1] = from[p + 1] < 0 ? Dfa::kDead : patterns[p]->Next(from[p + 1], c);
      }
      next.push_back(id_of(state));
    }
    if (states.size() > limits.dfa_states || next.size() > limits.dfa_entries) {
      return TooManyStates(limits);
    }
  }
  return Dfa(std::move(alphabet), std::move(next), std::move(accept), 0);
}

}  // namespace dure::text
