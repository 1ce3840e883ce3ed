#include "text/grammar/gbnf_automaton.h"

#include <algorithm>
#include <set>

namespace dure::text {
namespace {

constexpr size_t kMostStates = 100'000;
constexpr size_t kMostCells = 1'000'000;

using Kind = GbnfNetwork::Kind;

/// Whether the set has a scalar value in [first, last].
bool Meets(const CodePointSet& set, char32_t first, char32_t last) {
  const auto& ranges = set.ranges();
  auto at = std::lower_bound(ranges.begin(), ranges.end(), first,
                             [](const auto& range, char32_t value) { return range.last < value; });
  for (; at != ranges.end() && at->first <= last; ++at) {
    if (std::max(at->first, first) < 0xD800 || std::min(at->last, last) > 0xDFFF) return true;
  }
  return false;
}

}  // namespace

GbnfAutomaton::GbnfAutomaton(GbnfNetwork network, const GrammarLimits& limits)
    : network_(std::move(network)), limits_(limits) {
  start_ = IdOf(Closure({{network_.rules[network_.root], -1}}));
}

int32_t GbnfAutomaton::Push(int32_t to, int32_t below) {
  // What only returns need not be remembered.
  if (network_.states[to].kind == Kind::kReturn) return below;
  const auto [entry, added] =
      cell_ids_.emplace(std::pair{to, below}, static_cast<int32_t>(cells_.size()));
  if (added) cells_.push_back({to, below});
  return entry->second;
}

GbnfAutomaton::State GbnfAutomaton::Closure(std::vector<Thread> from) {
  State out;
  std::set<Thread> seen;
  while (!from.empty() && seen.size() <= limits_.parallel_states && cells_.size() < kMostCells) {
    const Thread thread = from.back();
    from.pop_back();
    const auto& state = network_.states[thread.state];
    if (!state.productive || !seen.insert(thread).second) continue;
    switch (state.kind) {
      case Kind::kRead:
        out.threads.push_back(thread);
        break;
      case Kind::kSplit:
        from.push_back({state.to, thread.stack});
        from.push_back({state.other, thread.stack});
        break;
      case Kind::kCall:
        if (network_.states[state.to].productive) {
          from.push_back({network_.rules[state.what], Push(state.to, thread.stack)});
        }
        break;
      case Kind::kReturn:
        if (thread.stack < 0) {
          out.accepts = true;
        } else {
          from.push_back({cells_[thread.stack].to, cells_[thread.stack].below});
        }
        break;
    }
  }
  if (seen.size() > limits_.parallel_states || cells_.size() >= kMostCells) return {};
  std::sort(out.threads.begin(), out.threads.end());
  return out;
}

int32_t GbnfAutomaton::IdOf(State state) {
  if (state.threads.empty() && !state.accepts) return kDead;
  const auto found = ids_.find(state);
  if (found != ids_.end()) return found->second;
  if (states_.size() >= kMostStates) return kDead;
  const auto id = static_cast<int32_t>(states_.size());
  states_.push_back(state);
  ids_.emplace(std::move(state), id);
  return id;
}

int32_t GbnfAutomaton::Read(const State& state, char32_t code_point) {
  std::vector<Thread> next;
  for (const Thread& thread : state.threads) {
    const auto& from = network_.states[thread.state];
    if (Meets(network_.sets[from.what], code_point, code_point)) {
      next.push_back({from.to, thread.stack});
    }
  }
  return IdOf(Closure(std::move(next)));
}

int32_t GbnfAutomaton::Utf8(const State& from, uint8_t byte) {
  State state = from;
  state.accepts = false;
  if (state.left == 0) {
    if (byte < 0xC2 || byte > 0xF4) return kDead;
    state.left = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    state.value = byte & (0x3F >> state.left);
    state.least = state.left == 1 ? 0x80 : state.left == 2 ? 0x800 : 0x10000;
  } else {
    if ((byte & 0xC0) != 0x80) return kDead;
    state.value = state.value << 6 | (byte & 0x3F);
    --state.left;
  }
  const uint32_t first = std::max(state.value << (6 * state.left), state.least);
  const uint32_t last =
      std::min<uint32_t>(((state.value + 1) << (6 * state.left)) - 1, kLastCodePoint);
  if (first > last || (first >= 0xD800 && last <= 0xDFFF)) return kDead;
  if (state.left == 0) return Read(from, state.value);
  std::erase_if(state.threads, [&](const Thread& thread) {
    return !Meets(network_.sets[network_.states[thread.state].what], first, last);
  });
  return IdOf(std::move(state));
}

int32_t GbnfAutomaton::Compute(int32_t id, uint8_t byte) {
  const State state = states_[id];
  if (state.left == 0 && byte < 0x80) return Read(state, byte);
  return Utf8(state, byte);
}

}  // namespace dure::text
