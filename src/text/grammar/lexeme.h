// A string, name or number while its bytes are read: automata side by side over the code points
// that JSON's escapes and UTF-8 (RFC 8259, RFC 3629) spell.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "text/grammar/dfa.h"

namespace dure::text {

using Automata = std::vector<std::shared_ptr<const Dfa>>;

/// A value type. Alive at all times: some continuation brings one of the parts to acceptance.
struct Lexeme {
  enum class Kind : uint8_t { kString, kNumber, kRaw };  // kRaw: UTF-8 without escapes
  enum class Phase : uint8_t { kPlain, kUtf8, kBackslash, kHex, kLowBackslash, kLowU, kLowHex };
  struct Part {
    int32_t automaton;
    int32_t state;
    auto operator<=>(const Part&) const = default;
  };
  Kind kind = Kind::kString;
  Phase phase = Phase::kPlain;
  uint8_t left = 0;         // bytes or digits still to come
  uint32_t value = 0;       // of the code point, as far as it is read
  uint32_t high = 0;        // surrogate before it
  std::vector<Part> parts;  // sorted by automaton, one state of each
  auto operator<=>(const Lexeme&) const = default;

  /// At its beginning; parts is empty where no automaton accepts anything.
  static Lexeme Start(Kind kind, std::vector<int32_t> automata, const Automata& all);
  /// Reads one byte; false (and an unusable lexeme) when none of the parts can go on. A string's
  /// closing quote is not part of it.
  bool Step(uint8_t byte, const Automata& all);
  /// Whether it may end here as far as spelling goes.
  bool between() const { return phase == Phase::kPlain; }
  /// The tag that an automaton gives what was read, Dfa::kDead for none. REQUIRES: between().
  int32_t Accept(int32_t automaton, const Automata& all) const;
  /// Whether any part accepts. REQUIRES: between().
  bool AnyAccept(const Automata& all) const;

 private:
  bool Consume(char32_t code_point, const Automata& all);
  bool Any(char32_t first, char32_t last, const Automata& all) const;
  bool AnyOfUnits(uint32_t first, uint32_t last, const Automata& all) const;
  bool StartUtf8(uint8_t byte, const Automata& all);
  bool ContinueUtf8(uint8_t byte, const Automata& all);
  bool StepEscape(uint8_t byte, const Automata& all);
  bool StepHex(uint8_t byte, const Automata& all);
};

}  // namespace dure::text
