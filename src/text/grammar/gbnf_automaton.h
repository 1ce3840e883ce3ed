// A GBNF grammar run over bytes: all derivations that still fit, side by side, as a set of stacks
// that share what they have in common.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "text/grammar/byte_automaton.h"
#include "text/grammar/gbnf.h"

namespace dure::text {

class GbnfAutomaton : public ByteAutomaton {
 public:
  GbnfAutomaton(GbnfNetwork network, const GrammarLimits& limits);

  int32_t start() override { return start_; }
  bool Accepts(int32_t state) const override { return states_[state].accepts; }

 protected:
  int32_t Compute(int32_t state, uint8_t byte) override;

 private:
  // Where to go on when the rule that runs has ended; -1 is the bottom.
  struct Cell {
    int32_t to;
    int32_t below;
  };
  struct Thread {
    int32_t state;  // of the network: reads
    int32_t stack;
    auto operator<=>(const Thread&) const = default;
  };
  struct State {
    std::vector<Thread> threads;  // sorted
    bool accepts = false;
    // A UTF-8 character that has begun.
    uint8_t left = 0;
    uint32_t value = 0;
    uint32_t least = 0;
    auto operator<=>(const State&) const = default;
  };

  int32_t IdOf(State state);
  int32_t Push(int32_t to, int32_t below);
  State Closure(std::vector<Thread> from);
  int32_t Read(const State& state, char32_t code_point);
  int32_t Utf8(const State& state, uint8_t byte);

  GbnfNetwork network_;
  const GrammarLimits limits_;
  std::vector<Cell> cells_;
  std::map<std::pair<int32_t, int32_t>, int32_t> cell_ids_;
  std::vector<State> states_;
  std::map<State, int32_t> ids_;
  int32_t start_ = kDead;
};

}  // namespace dure::text
