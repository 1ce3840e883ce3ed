#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "text/grammar/gbnf.h"
#include "text/unicode.h"

namespace dure::text {
namespace {

using Kind = GbnfNetwork::Kind;

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

// A piece of a rule's right side, before it becomes states: built backwards later.
struct Piece {
  enum class Kind { kSet, kRule, kSequence, kChoice, kRepeat };
  Kind kind = Kind::kSequence;
  int32_t what = -1;
  std::vector<Piece> children;
  int64_t min = 0;
  int64_t max = -1;
};

class Parser {
 public:
  Parser(std::string_view text, const GrammarLimits& limits) : text_(text), limits_(limits) {}

  Result<GbnfNetwork> Parse();

 private:
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool Take(std::string_view what) {
    if (text_.substr(at_, what.size()) != what) return false;
    at_ += what.size();
    return true;
  }
  tl::unexpected<Error> Bad(const std::string& why) const {
    const auto line =
        1 + std::count(text_.begin(), text_.begin() + std::min(at_, text_.size()), '\n');
    return Fail(ErrorCode::kInvalidArgument, "grammar, line " + std::to_string(line) + ": " + why);
  }
  void SkipSpace(bool newlines);
  std::string Name();
  int32_t RuleId(const std::string& name);
  int32_t SetId(CodePointSet set) {
    network_.sets.push_back(std::move(set));
    return static_cast<int32_t>(network_.sets.size()) - 1;
  }
  Result<Piece> Choice(int depth, bool nested);
  Result<Piece> Sequence(int depth, bool nested);
  Result<std::optional<Piece>> Symbol(int depth);
  Result<Piece> Literal();
  Result<Piece> Class();
  Result<char32_t> Character();
  Result<Piece> Repeated(Piece piece);
  std::optional<int64_t> Number();
  int32_t Add(Kind kind, int32_t what, int32_t to, int32_t other = -1);
  int32_t Build(const Piece& piece, int32_t then);
  int32_t BuildRepeat(const Piece& piece, int32_t then);
  bool full() const { return steps_ > limits_.nfa_states; }

  std::string_view text_;
  const GrammarLimits& limits_;
  size_t at_ = 0;
  size_t steps_ = 0;
  GbnfNetwork network_;
  std::map<std::string, int32_t> names_;
  std::vector<std::optional<Piece>> bodies_;
};

void Parser::SkipSpace(bool newlines) {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '#') {
      while (at_ < text_.size() && text_[at_] != '\n') ++at_;
    } else if (c == ' ' || c == '\t' || (newlines && (c == '\n' || c == '\r'))) {
      ++at_;
    } else {
      return;
    }
  }
}

std::string Parser::Name() {
  const size_t begin = at_;
  while (IsNameByte(Peek())) ++at_;
  return std::string(text_.substr(begin, at_ - begin));
}

int32_t Parser::RuleId(const std::string& name) {
  const auto [entry, added] = names_.emplace(name, static_cast<int32_t>(bodies_.size()));
  if (added) bodies_.emplace_back();
  return entry->second;
}

Result<char32_t> Parser::Character() {
  if (at_ >= text_.size() || Peek() == '\n') return Bad("a literal or class does not end");
  if (!Take("\\")) {
    if (StrictCharLength(text_, at_) == 0) return Bad("bytes that are not UTF-8");
    return DecodeLenient(text_, at_);
  }
  const char c = Peek();
  ++at_;
  constexpr std::string_view kFrom = "nrt\"\\[]-^";
  constexpr std::string_view kTo = "\n\r\t\"\\[]-^";
  if (const size_t found = kFrom.find(c); found != kFrom.npos) {
    return static_cast<char32_t>(kTo[found]);
  }
  const int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  if (digits == 0) return Bad("an escape that GBNF does not have");
  uint64_t value = 0;
  for (int i = 0; i < digits; ++i) {
    const char digit = Peek();
    const char lower = static_cast<char>(digit | 0x20);
    const bool decimal = digit >= '0' && digit <= '9';
    if (!decimal && (lower < 'a' || lower > 'f')) return Bad("hexadecimal digits are missing");
    value = value * 16 + static_cast<uint64_t>(decimal ? digit - '0' : lower - 'a' + 10);
    ++at_;
  }
  if (value > kLastCodePoint || (value >= 0xD800 && value <= 0xDFFF)) {
    return Bad("an escape that is no character");
  }
  return static_cast<char32_t>(value);
}

Result<Piece> Parser::Literal() {
  Piece sequence;
  while (!Take("\"")) {
    const auto c = Character();
    if (!c) return tl::unexpected(c.error());
    Piece piece;
    piece.kind = Piece::Kind::kSet;
    piece.what = SetId(CodePointSet({{*c, *c}}));
    sequence.children.push_back(std::move(piece));
  }
  return sequence;
}

Result<Piece> Parser::Class() {
  const bool negated = Take("^");
  std::vector<CodePointRange> ranges;
  while (!Take("]")) {
    const auto first = Character();
    if (!first) return tl::unexpected(first.error());
    char32_t last = *first;
    if (Peek() == '-' && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
      ++at_;
      const auto end = Character();
      if (!end) return tl::unexpected(end.error());
      last = *end;
      if (last < *first) return Bad("a range of a class is out of order");
    }
    ranges.push_back({*first, last});
  }
  CodePointSet set(std::move(ranges));
  Piece piece;
  piece.kind = Piece::Kind::kSet;
  piece.what = SetId(negated ? set.Complement() : std::move(set));
  return piece;
}

std::optional<int64_t> Parser::Number() {
  const size_t begin = at_;
  int64_t value = 0;
  while (Peek() >= '0' && Peek() <= '9') {
    value = std::min(value * 10 + (text_[at_++] - '0'), limits_.repetition + 1);
  }
  if (at_ == begin) return std::nullopt;
  return value;
}

Result<Piece> Parser::Repeated(Piece piece) {
  while (true) {
    int64_t min = 0;
    int64_t max = -1;
    if (Take("*")) {
    } else if (Take("+")) {
      min = 1;
    } else if (Take("?")) {
      max = 1;
    } else if (Take("{")) {
      SkipSpace(false);
      const auto low = Number();
      if (!low) return Bad("a repetition needs a number");
      min = max = *low;
      SkipSpace(false);
      if (Take(",")) {
        SkipSpace(false);
        max = Number().value_or(-1);
        SkipSpace(false);
      }
      if (!Take("}")) return Bad("a repetition does not end");
      if (min > limits_.repetition || max > limits_.repetition) {
        return Bad("a repetition of more than " + std::to_string(limits_.repetition));
      }
      if (max >= 0 && min > max) return Bad("the numbers of a repetition are out of order");
    } else {
      return piece;
    }
    if (++steps_ > limits_.nfa_states) return Bad("too many repetitions");
    Piece repeat;
    repeat.kind = Piece::Kind::kRepeat;
    repeat.min = min;
    repeat.max = max;
    repeat.children.push_back(std::move(piece));
    piece = std::move(repeat);
    SkipSpace(false);
    // Each further one nests the tree by one level; nobody writes many.
    if (piece.children[0].kind == Piece::Kind::kRepeat &&
        piece.children[0].children[0].kind == Piece::Kind::kRepeat) {
      return Bad("a repetition of a repetition of a repetition needs parentheses");
    }
  }
}

Result<std::optional<Piece>> Parser::Symbol(int depth) {
  const auto some = [](Result<Piece> piece) -> Result<std::optional<Piece>> {
    if (!piece) return tl::unexpected(piece.error());
    return std::optional<Piece>(std::move(*piece));
  };
  if (Take("\"")) return some(Literal());
  if (Take("[")) return some(Class());
  if (Take(".")) {
    Piece any;
    any.kind = Piece::Kind::kSet;
    any.what = SetId(CodePointSet::All());
    return some(any);
  }
  if (Take("(")) {
    auto inside = Choice(depth + 1, true);
    if (!inside) return tl::unexpected(inside.error());
    if (!Take(")")) return Bad("a group does not end");
    return some(std::move(inside));
  }
  if (Peek() == '<' || Peek() == '!') {
    return Fail(ErrorCode::kUnsupported, "grammar: tokens in a grammar are not supported");
  }
  if (!IsNameByte(Peek())) return std::optional<Piece>();
  const size_t begin = at_;
  const std::string name = Name();
  const size_t after = at_;
  SkipSpace(false);
  if (text_.substr(at_, 3) == "::=") {  // the next rule
    at_ = begin;
    return std::optional<Piece>();
  }
  at_ = after;
  Piece rule;
  rule.kind = Piece::Kind::kRule;
  rule.what = RuleId(name);
  return some(rule);
}

Result<Piece> Parser::Sequence(int depth, bool nested) {
  Piece sequence;
  while (true) {
    SkipSpace(nested);
    auto symbol = Symbol(depth);
    if (!symbol) return tl::unexpected(symbol.error());
    if (!symbol->has_value()) return sequence;
    SkipSpace(nested);
    auto repeated = Repeated(std::move(**symbol));
    if (!repeated) return repeated;
    sequence.children.push_back(std::move(*repeated));
  }
}

Result<Piece> Parser::Choice(int depth, bool nested) {
  if (depth > limits_.source_depth) return Bad("groups are nested too deeply");
  Piece choice;
  choice.kind = Piece::Kind::kChoice;
  do {
    SkipSpace(true);
    auto sequence = Sequence(depth, nested);
    if (!sequence) return sequence;
    choice.children.push_back(std::move(*sequence));
    SkipSpace(nested);
  } while (Take("|"));
  return choice;
}

int32_t Parser::Add(Kind kind, int32_t what, int32_t to, int32_t other) {
  network_.states.push_back({kind, what, to, other, false});
  return static_cast<int32_t>(network_.states.size()) - 1;
}

int32_t Parser::BuildRepeat(const Piece& piece, int32_t then) {
  const Piece& child = piece.children[0];
  int32_t at = then;
  if (piece.max < 0) {
    const int32_t loop = Add(Kind::kSplit, -1, -1, then);
    const int32_t body = Build(child, loop);
    network_.states[loop].to = body;
    at = loop;
  } else {
    for (int64_t i = piece.min; i < piece.max && !full(); ++i) {
      at = Add(Kind::kSplit, -1, Build(child, at), then);
    }
  }
  for (int64_t i = 0; i < piece.min && !full(); ++i) at = Build(child, at);
  return at;
}

/// The state that reads `piece` and goes on at `then`. Depth is that of the groups, which is
/// limited.
int32_t Parser::Build(const Piece& piece, int32_t then) {
  ++steps_;
  if (full()) return then;
  switch (piece.kind) {
    case Piece::Kind::kSet:
      return Add(Kind::kRead, piece.what, then);
    case Piece::Kind::kRule:
      return Add(Kind::kCall, piece.what, then);
    case Piece::Kind::kSequence:
      for (size_t i = piece.children.size(); i-- > 0;) then = Build(piece.children[i], then);
      return then;
    case Piece::Kind::kChoice: {
      int32_t at = Build(piece.children.back(), then);
      for (size_t i = piece.children.size() - 1; i-- > 0;) {
        at = Add(Kind::kSplit, -1, Build(piece.children[i], then), at);
      }
      return at;
    }
    case Piece::Kind::kRepeat:
      return BuildRepeat(piece, then);
  }
  return then;
}

Result<GbnfNetwork> Parser::Parse() {
  if (text_.size() > limits_.source_bytes) return Bad("the grammar is too long");
  SkipSpace(true);
  while (at_ < text_.size()) {
    const std::string name = Name();
    if (name.empty()) return Bad("expected the name of a rule");
    SkipSpace(false);
    if (!Take("::=")) return Bad("expected ::=");
    const int32_t rule = RuleId(name);
    if (bodies_[rule]) return Bad("the rule \"" + name + "\" is defined twice");
    auto body = Choice(0, false);
    if (!body) return tl::unexpected(body.error());
    bodies_[rule] = std::move(*body);
    SkipSpace(false);
    if (at_ < text_.size() && Peek() != '\n' && Peek() != '\r') return Bad("unexpected character");
    SkipSpace(true);
  }
  const auto root = names_.find("root");
  if (root == names_.end()) return Bad("there is no rule \"root\"");
  for (const auto& [name, rule] : names_) {
    if (!bodies_[rule]) return Bad("the rule \"" + name + "\" is not defined");
  }
  network_.root = root->second;
  for (const auto& body : bodies_) {
    network_.rules.push_back(Build(*body, Add(Kind::kReturn, -1, -1)));
    if (full()) {
      return Bad("the grammar needs more than " + std::to_string(limits_.nfa_states) + " states");
    }
  }
  return std::move(network_);
}

void MarkProductive(GbnfNetwork& network) {
  bool changed = true;
  while (changed) {
    changed = false;
    for (auto& state : network.states) {
      if (state.productive) continue;
      const auto is = [&](int32_t to) { return to >= 0 && network.states[to].productive; };
      const bool now =
          state.kind == Kind::kReturn ||
          (state.kind == Kind::kRead && !network.sets[state.what].empty() && is(state.to)) ||
          (state.kind == Kind::kSplit && (is(state.to) || is(state.other))) ||
          (state.kind == Kind::kCall && is(network.rules[state.what]) && is(state.to));
      if (now) state.productive = changed = true;
    }
  }
}

/// A rule that comes back to itself before anything is read would never end.
class LeftRecursion {
 public:
  explicit LeftRecursion(const GbnfNetwork& network)
      : network_(network), nullable_(network.rules.size(), 0) {
    FindNullable();
    for (size_t r = 0; r < network.rules.size(); ++r) calls_.push_back(FirstCalls(r));
  }
  /// A rule that does, or -1.
  int32_t Find() const;

 private:
  void FindNullable();
  std::vector<int32_t> FirstCalls(size_t rule) const;
  bool Reach(size_t rule, std::vector<int32_t>* calls) const;

  const GbnfNetwork& network_;
  std::vector<char> nullable_;
  std::vector<std::vector<int32_t>> calls_;
};

/// Whether the rule's end can be reached without reading; collects the rules called on the way.
bool LeftRecursion::Reach(size_t rule, std::vector<int32_t>* calls) const {
  std::vector<int32_t> stack = {network_.rules[rule]};
  std::vector<char> seen(network_.states.size(), 0);
  bool end = false;
  while (!stack.empty()) {
    const int32_t s = stack.back();
    stack.pop_back();
    if (s < 0 || seen[s]) continue;
    seen[s] = 1;
    const auto& state = network_.states[s];
    if (state.kind == Kind::kReturn) end = true;
    if (state.kind == Kind::kSplit) {
      stack.push_back(state.to);
      stack.push_back(state.other);
    }
    if (state.kind == Kind::kCall) {
      if (calls != nullptr) calls->push_back(state.what);
      if (nullable_[state.what]) stack.push_back(state.to);
    }
  }
  return end;
}

void LeftRecursion::FindNullable() {
  bool changed = true;
  while (changed) {
    changed = false;
    for (size_t r = 0; r < nullable_.size(); ++r) {
      if (!nullable_[r] && Reach(r, nullptr)) nullable_[r] = changed = true;
    }
  }
}

std::vector<int32_t> LeftRecursion::FirstCalls(size_t rule) const {
  std::vector<int32_t> calls;
  Reach(rule, &calls);
  std::sort(calls.begin(), calls.end());
  calls.erase(std::unique(calls.begin(), calls.end()), calls.end());
  return calls;
}

int32_t LeftRecursion::Find() const {
  // Rules all of whose first calls are known to end are taken out; what stays runs in circles.
  std::vector<char> ends(calls_.size(), 0);
  bool changed = true;
  while (changed) {
    changed = false;
    for (size_t r = 0; r < calls_.size(); ++r) {
      if (ends[r]) continue;
      const bool all = std::all_of(calls_[r].begin(), calls_[r].end(),
                                   [&](int32_t called) { return ends[called] != 0; });
      if (all) ends[r] = changed = true;
    }
  }
  const auto left = std::find(ends.begin(), ends.end(), 0);
  return left == ends.end() ? -1 : static_cast<int32_t>(left - ends.begin());
}

}  // namespace

Result<GbnfNetwork> CompileGbnf(std::string_view source, const GrammarLimits& limits) {
  auto network = Parser(source, limits).Parse();
  if (!network) return network;
  if (network->rules.size() > limits.gbnf_rules) {
    return Fail(ErrorCode::kInvalidArgument,
                "grammar: more than " + std::to_string(limits.gbnf_rules) + " rules");
  }
  if (LeftRecursion(*network).Find() >= 0) {
    return Fail(
        ErrorCode::kInvalidArgument,
        "grammar: a rule comes back to itself before it has read anything (left recursion)");
  }
  MarkProductive(*network);
  if (!network->states[network->rules[network->root]].productive) {
    return Fail(ErrorCode::kInvalidArgument, "grammar: the rule \"root\" derives no text");
  }
  return network;
}

}  // namespace dure::text
