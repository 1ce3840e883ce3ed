// The constraints of regular expressions and of GBNF grammars.
#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "text/grammar/byte_automaton.h"
#include "text/grammar/constraint.h"
#include "text/grammar/gbnf.h"
#include "text/grammar/gbnf_automaton.h"
#include "text/grammar/lexeme.h"
#include "text/grammar/regex.h"

namespace dure::text {
namespace {

/// A regular expression over UTF-8.
class RegexAutomaton : public ByteAutomaton {
 public:
  explicit RegexAutomaton(Dfa dfa) : automata_{std::make_shared<const Dfa>(std::move(dfa))} {
    Lexeme first = Lexeme::Start(Lexeme::Kind::kRaw, {0}, automata_);
    if (!first.parts.empty()) IdOf(std::move(first));
  }
  int32_t start() override { return lexemes_.empty() ? kDead : 0; }
  bool Accepts(int32_t state) const override {
    return lexemes_[state].between() && lexemes_[state].AnyAccept(automata_);
  }

 protected:
  int32_t Compute(int32_t state, uint8_t byte) override {
    Lexeme next = lexemes_[state];
    return next.Step(byte, automata_) ? IdOf(std::move(next)) : kDead;
  }

 private:
  int32_t IdOf(Lexeme lexeme) {
    const auto [entry, added] = ids_.emplace(lexeme, static_cast<int32_t>(lexemes_.size()));
    if (added) lexemes_.push_back(std::move(lexeme));
    return entry->second;
  }
  Automata automata_;
  std::vector<Lexeme> lexemes_;
  std::map<Lexeme, int32_t> ids_;
};

class AutomatonGrammar : public Grammar {
 public:
  AutomatonGrammar(std::unique_ptr<ByteAutomaton> automaton,
                   std::shared_ptr<const TokenVocabulary> vocabulary)
      : vocabulary_(std::move(vocabulary)), automaton_(std::move(automaton)) {}

  std::unique_ptr<TokenConstraint> NewConstraint() const override;
  const TokenVocabulary& vocabulary() const { return *vocabulary_; }

  int32_t Start() const {
    const std::lock_guard lock(mutex_);
    return automaton_->start();
  }
  int32_t Advance(int32_t state, std::string_view bytes) const {
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < bytes.size() && state != ByteAutomaton::kDead; ++i) {
      state = automaton_->Next(state, static_cast<uint8_t>(bytes[i]));
    }
    return state;
  }
  bool Accepts(int32_t state) const {
    const std::lock_guard lock(mutex_);
    return automaton_->Accepts(state);
  }
  void FillMask(int32_t state, std::span<uint64_t> mask) const;

 private:
  static constexpr size_t kMostMasks = 1'024;
  std::shared_ptr<const TokenVocabulary> vocabulary_;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<ByteAutomaton> automaton_;  // guarded by mutex_
  mutable std::map<int32_t, TokenBits> masks_;        // guarded by mutex_
};

void AutomatonGrammar::FillMask(int32_t state, std::span<uint64_t> mask) const {
  const std::lock_guard lock(mutex_);
  const auto known = masks_.find(state);
  if (known != masks_.end()) {
    std::copy(known->second.begin(), known->second.end(), mask.begin());
    return;
  }
  const TokenTrie& trie = vocabulary_->trie();
  std::vector<int32_t> at = {state};
  for (uint32_t i = 1; i < trie.size();) {
    at.resize(trie[i].depth);
    const int32_t next = automaton_->Next(at.back(), trie[i].byte);
    if (next == ByteAutomaton::kDead) {
      i = trie[i].end;
      continue;
    }
    for (const int32_t token : trie.TokensAt(i)) SetToken(mask, token);
    at.push_back(next);
    ++i;
  }
  if (masks_.size() >= kMostMasks) masks_.clear();
  masks_.emplace(state, TokenBits(mask.begin(), mask.end()));
}

class AutomatonConstraint : public TokenConstraint {
 public:
  explicit AutomatonConstraint(std::shared_ptr<const AutomatonGrammar> grammar)
      : grammar_(std::move(grammar)), states_{grammar_->Start()} {}

  bool Advance(TokenId token) override {
    if (ended_ || token < 0 || token >= vocabulary().size()) return false;
    if (vocabulary().IsEnd(token)) {
      if (!MayEnd()) return false;
      ended_ = true;
      states_.push_back(states_.back());
      return true;
    }
    const std::string& bytes = vocabulary().Bytes(token);
    if (bytes.empty()) return false;
    const int32_t next = grammar_->Advance(states_.back(), bytes);
    if (next == ByteAutomaton::kDead) return false;
    states_.push_back(next);
    return true;
  }
  void Mask(std::span<uint64_t> mask) const override {
    std::fill(mask.begin(), mask.end(), 0);
    if (ended_) return;
    grammar_->FillMask(states_.back(), mask);
    if (!MayEnd()) return;
    for (const TokenId end : vocabulary().end_of_generation()) SetToken(mask, end);
  }
  bool MayEnd() const override { return grammar_->Accepts(states_.back()); }
  size_t size() const override { return states_.size() - 1; }
  void Rollback(size_t size) override {
    if (size < this->size()) ended_ = false;
    states_.resize(size + 1);
  }
  std::unique_ptr<TokenConstraint> Clone() const override {
    return std::make_unique<AutomatonConstraint>(*this);
  }
  const TokenVocabulary& vocabulary() const override { return grammar_->vocabulary(); }

 private:
  std::shared_ptr<const AutomatonGrammar> grammar_;
  std::vector<int32_t> states_;  // before the first token, after it, ...
  bool ended_ = false;
};

std::unique_ptr<TokenConstraint> AutomatonGrammar::NewConstraint() const {
  return std::make_unique<AutomatonConstraint>(
      std::static_pointer_cast<const AutomatonGrammar>(shared_from_this()));
}

}  // namespace

Result<std::shared_ptr<const Grammar>> Grammar::FromRegex(
    std::string_view pattern, std::shared_ptr<const TokenVocabulary> vocabulary,
    const GrammarLimits& limits) {
  auto dfa = CompileRegex(pattern, RegexMatch::kWhole, limits);
  if (!dfa) return tl::unexpected(dfa.error());
  if (dfa->empty()) {
    return Fail(ErrorCode::kInvalidArgument, "the regular expression matches no text");
  }
  return std::make_shared<const AutomatonGrammar>(std::make_unique<RegexAutomaton>(std::move(*dfa)),
                                                  std::move(vocabulary));
}

Result<std::shared_ptr<const Grammar>> Grammar::FromGbnf(
    std::string_view source, std::shared_ptr<const TokenVocabulary> vocabulary,
    const GrammarLimits& limits) {
  auto network = CompileGbnf(source, limits);
  if (!network) return tl::unexpected(network.error());
  return std::make_shared<const AutomatonGrammar>(
      std::make_unique<GbnfAutomaton>(std::move(*network), limits), std::move(vocabulary));
}

}  // namespace dure::text
