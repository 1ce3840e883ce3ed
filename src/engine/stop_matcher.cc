#include "engine/stop_matcher.h"

#include <algorithm>
#include <utility>

namespace dure::engine {

void StopMatcher::Automaton::Advance(char byte) {
  while (matched > 0 && pattern[matched] != byte) matched = fallback[matched];
  if (pattern[matched] == byte) ++matched;
}

StopMatcher::StopMatcher(std::vector<std::string> stops) {
  for (std::string& stop : stops) {
    Automaton automaton;
    automaton.pattern = std::move(stop);
    automaton.fallback.assign(automaton.pattern.size() + 1, 0);
    for (size_t i = 1; i < automaton.pattern.size(); ++i) {
      // Running the automaton over its own pattern gives the borders.
      automaton.Advance(automaton.pattern[i]);
      automaton.fallback[i + 1] = automaton.matched;
    }
    automaton.matched = 0;
    automata_.push_back(std::move(automaton));
  }
}

StopMatcher::Output StopMatcher::Push(std::string_view text) {
  if (automata_.empty()) return {std::string(text), std::nullopt};
  Output output;
  for (const char byte : text) {
    held_.push_back(byte);
    size_t longest = 0;
    for (size_t i = 0; i < automata_.size(); ++i) {
      Automaton& automaton = automata_[i];
      automaton.Advance(byte);
      if (automaton.matched == automaton.pattern.size() &&
          (!output.matched || automaton.matched > automata_[*output.matched].matched)) {
        output.matched = i;
      }
      longest = std::max(longest, automaton.matched);
    }
    if (output.matched) {
      held_.resize(held_.size() - automata_[*output.matched].pattern.size());
      output.text += std::exchange(held_, {});
      return output;
    }
    output.text.append(held_, 0, held_.size() - longest);
    held_.erase(0, held_.size() - longest);
  }
  return output;
}

std::string StopMatcher::Flush() { return std::exchange(held_, {}); }

}  // namespace dure::engine
