#include "text/grammar/lexeme.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace dure::text {
namespace {

constexpr uint32_t kHighFirst = 0xD800;
constexpr uint32_t kHighLast = 0xDBFF;
constexpr uint32_t kLowFirst = 0xDC00;
constexpr uint32_t kLowLast = 0xDFFF;

char32_t FromPair(uint32_t high, uint32_t low) {
  return 0x10000 + ((high - kHighFirst) << 10) + (low - kLowFirst);
}

int HexDigit(uint8_t byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  const uint8_t lower = byte | 0x20;
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

Lexeme Lexeme::Start(Kind kind, std::vector<int32_t> automata, const Automata& all) {
  std::sort(automata.begin(), automata.end());
  automata.erase(std::unique(automata.begin(), automata.end()), automata.end());
  Lexeme lexeme;
  lexeme.kind = kind;
  for (const int32_t id : automata) {
    if (!all[id]->empty()) lexeme.parts.push_back({id, all[id]->start()});
  }
  return lexeme;
}

int32_t Lexeme::Accept(int32_t automaton, const Automata& all) const {
  for (const Part& part : parts) {
    if (part.automaton == automaton) return all[automaton]->Accept(part.state);
  }
  return Dfa::kDead;
}

bool Lexeme::AnyAccept(const Automata& all) const {
  return std::any_of(parts.begin(), parts.end(), [&](const Part& part) {
    return all[part.automaton]->Accept(part.state) != Dfa::kDead;
  });
}

bool Lexeme::Any(char32_t first, char32_t last, const Automata& all) const {
  return std::any_of(parts.begin(), parts.end(), [&](const Part& part) {
    return all[part.automaton]->AnyNext(part.state, first, last);
  });
}

/// Whether a UTF-16 unit in [first, last], with a low surrogate after a high one, can follow.
bool Lexeme::AnyOfUnits(uint32_t first, uint32_t last, const Automata& all) const {
  if (Any(first, std::min(last, kHighFirst - 1), all)) return true;
  if (Any(std::max(first, kLowLast + 1), last, all)) return true;
  const uint32_t bottom = std::max(first, kHighFirst);
  const uint32_t top = std::min(last, kHighLast);
  return bottom <= top && Any(FromPair(bottom, kLowFirst), FromPair(top, kLowLast), all);
}

bool Lexeme::Consume(char32_t code_point, const Automata& all) {
  phase = Phase::kPlain;
  left = 0;
  value = 0;
  high = 0;
  size_t out = 0;
  for (const Part& part : parts) {
    const int32_t next = all[part.automaton]->Next(part.state, code_point);
    if (next != Dfa::kDead) parts[out++] = {part.automaton, next};
  }
  parts.resize(out);
  return out > 0;
}

bool Lexeme::StartUtf8(uint8_t byte, const Automata& all) {
  if (byte < 0xC2 || byte > 0xF4) return false;
  left = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
  value = byte & (0x3F >> left);
  phase = Phase::kUtf8;
  const uint32_t least = left == 1 ? 0x80 : left == 2 ? 0x800 : 0x10000;
  const uint32_t first = std::max(value << (6 * left), least);
  const uint32_t last = std::min<uint32_t>(((value + 1) << (6 * left)) - 1, kLastCodePoint);
  high = least;
  return Any(first, last, all);
}

bool Lexeme::ContinueUtf8(uint8_t byte, const Automata& all) {
  if ((byte & 0xC0) != 0x80) return false;
  value = value << 6 | (byte & 0x3F);
  --left;
  const uint32_t first = std::max(value << (6 * left), high);  // overlong forms lie below
  const uint32_t last = std::min<uint32_t>(((value + 1) << (6 * left)) - 1, kLastCodePoint);
  if (first > last || (first >= kHighFirst && last <= kLowLast)) return false;
  return left == 0 ? Consume(value, all) : Any(first, last, all);
}

bool Lexeme::StepHex(uint8_t byte, const Automata& all) {
  const int digit = HexDigit(byte);
  if (digit < 0) return false;
  value = value << 4 | static_cast<uint32_t>(digit);
  --left;
  const uint32_t first = value << (4 * left);
  const uint32_t last = ((value + 1) << (4 * left)) - 1;
  if (phase == Phase::kLowHex) {
    const uint32_t low = std::max(first, kLowFirst);
    const uint32_t top = std::min(last, kLowLast);
    if (low > top) return false;
    if (left == 0) return Consume(FromPair(high, value), all);
    return Any(FromPair(high, low), FromPair(high, top), all);
  }
  if (!AnyOfUnits(first, last, all)) return false;
  if (left > 0) return true;
  if (value < kHighFirst || value > kHighLast) return Consume(value, all);
  high = value;
  value = 0;
  phase = Phase::kLowBackslash;
  return true;
}

bool Lexeme::StepEscape(uint8_t byte, const Automata& all) {
  switch (phase) {
    case Phase::kBackslash: {
      if (byte == 'u') {
        phase = Phase::kHex;
        left = 4;
        value = 0;
        return true;
      }
      constexpr std::string_view kFrom = "\"\\/bfnrt";
      constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
      const size_t found = kFrom.find(static_cast<char>(byte));
      return found != kFrom.npos && Consume(static_cast<char32_t>(kTo[found]), all);
    }
    case Phase::kLowBackslash:
      phase = Phase::kLowU;
      return byte == '\\';
    case Phase::kLowU:
      phase = Phase::kLowHex;
      left = 4;
      return byte == 'u';
    default:
      return StepHex(byte, all);
  }
}

bool Lexeme::Step(uint8_t byte, const Automata& all) {
  if (phase == Phase::kUtf8) return ContinueUtf8(byte, all);
  if (phase != Phase::kPlain) return StepEscape(byte, all);
  if (kind == Kind::kString) {
    if (byte < 0x20 || byte == '"') return false;
    if (byte == '\\') {
      phase = Phase::kBackslash;
      return Any(0, kLastCodePoint, all);
    }
  }
  return byte < 0x80 ? Consume(byte, all) : StartUtf8(byte, all);
}

}  // namespace dure::text
