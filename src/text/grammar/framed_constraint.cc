// The constraint of a frame: between its documents a byte automaton, inside them what their own
// grammars say, and tokens that cross the borders followed byte by byte.
#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "text/grammar/constraint.h"
#include "text/grammar/frame.h"
#include "text/grammar/json_constraint.h"

namespace dure::text {
namespace {

using Documents = std::vector<std::shared_ptr<const JsonGrammar>>;

class FramedGrammar : public Grammar {
 public:
  FramedGrammar(Frame frame, Documents documents, std::shared_ptr<const TokenVocabulary> vocabulary)
      : documents_(std::move(documents)),
        vocabulary_(std::move(vocabulary)),
        automaton_(std::move(frame)) {
    for (TokenId id = 0; id < vocabulary_->size(); ++id) {
      if (vocabulary_->Bytes(id).empty() && !vocabulary_->IsEnd(id)) control_.push_back(id);
    }
  }

  std::unique_ptr<TokenConstraint> NewConstraint() const override;
  const TokenVocabulary& vocabulary() const { return *vocabulary_; }
  const Frame& frame() const { return automaton_.frame(); }
  const JsonGrammar& DocumentAt(int32_t json) const {
    return *documents_[static_cast<size_t>(frame().states[json].what)];
  }
  int most_documents() const { return frame().most_documents; }

  int32_t Start() const {
    const std::lock_guard lock(mutex_);
    return automaton_.start();
  }
  int32_t Next(int32_t state, uint8_t byte) const {
    const std::lock_guard lock(mutex_);
    return automaton_.Next(state, byte);
  }
  int32_t NextToken(int32_t state, TokenId token) const {
    const std::lock_guard lock(mutex_);
    return automaton_.NextToken(state, token);
  }
  bool Accepts(int32_t state) const {
    const std::lock_guard lock(mutex_);
    return state != ByteAutomaton::kDead && automaton_.Accepts(state);
  }
  int32_t JsonAt(int32_t state) const {
    const std::lock_guard lock(mutex_);
    return automaton_.JsonAt(state);
  }
  /// Where the frame goes on behind a document that is the answer's `count`th.
  int32_t After(int32_t json, int count) const {
    const std::lock_guard lock(mutex_);
    return AfterUnlocked(json, count);
  }
  /// Begins the document at `json` with a byte; false where it cannot.
  bool Enter(int32_t json, uint8_t byte, JsonState& state) const {
    if (frame().states[json].object && byte != '{') return false;
    const JsonReader& reader = DocumentAt(json).reader();
    state = reader.Start();
    const std::string document(1, static_cast<char>(byte));
    return reader.Step(state, byte, &document) == JsonStep::kAlive;
  }

  void FillBetween(int32_t state, int count, std::span<uint64_t> mask) const;
  void FillInside(int32_t json, int count, const JsonState& state, const std::string& document,
                  std::span<uint64_t> mask) const {
    const std::lock_guard lock(mutex_);
    const JsonTail tail{&automaton_, AfterUnlocked(json, count)};
    DocumentAt(json).FillMask(state, document, mask, &tail);
  }

 private:
  static constexpr size_t kMostMasks = 512;

  int32_t AfterUnlocked(int32_t json, int count) const {
    const Frame::State& state = frame().states[json];
    return automaton_.From(count >= most_documents() ? state.other : state.to);
  }
  void Walk(int32_t state, int count, std::span<uint64_t> mask) const;

  const Documents documents_;
  const std::shared_ptr<const TokenVocabulary> vocabulary_;
  std::vector<TokenId> control_;      // tokens without bytes that do not end an answer
  mutable std::mutex mutex_;          // taken before a document's
  mutable FrameAutomaton automaton_;  // guarded by mutex_
  mutable std::map<std::pair<int32_t, bool>, TokenBits> masks_;  // guarded by mutex_
};

void FramedGrammar::FillBetween(int32_t state, int count, std::span<uint64_t> mask) const {
  const std::lock_guard lock(mutex_);
  const std::pair key(state, count + 1 >= most_documents());
  const auto known = masks_.find(key);
  if (known != masks_.end()) {
    std::copy(known->second.begin(), known->second.end(), mask.begin());
    return;
  }
  Walk(state, count, mask);
  // No token of the frame's own: only what is free may hold it.
  if (automaton_.NextToken(state, -1) != ByteAutomaton::kDead) {
    for (const TokenId token : control_) SetToken(mask, token);
  }
  for (const TokenId token : automaton_.TokensFrom(state)) SetToken(mask, token);
  if (masks_.size() >= kMostMasks) masks_.clear();
  masks_.emplace(key, TokenBits(mask.begin(), mask.end()));
}

void FramedGrammar::Walk(int32_t state, int count, std::span<uint64_t> mask) const {
  const TokenTrie& trie = vocabulary_->trie();
  std::vector<int32_t> at = {state};
  for (uint32_t i = 1; i < trie.size();) {
    at.resize(trie[i].depth);
    const uint8_t byte = trie[i].byte;
    const int32_t json = automaton_.JsonAt(at.back());
    JsonState inside;
    if (json >= 0 && Enter(json, byte, inside)) {
      for (const int32_t token : trie.TokensAt(i)) SetToken(mask, token);
      const JsonTail tail{&automaton_, AfterUnlocked(json, count + 1)};
      DocumentAt(json).FillMaskUnder(i, inside, std::string(1, static_cast<char>(byte)), mask,
                                     &tail);
      i = trie[i].end;
      continue;
    }
    const int32_t next = automaton_.Next(at.back(), byte);
    if (next == ByteAutomaton::kDead) {
      i = trie[i].end;
      continue;
    }
    for (const int32_t token : trie.TokensAt(i)) SetToken(mask, token);
    at.push_back(next);
    ++i;
  }
}

class FramedConstraint : public TokenConstraint {
 public:
  explicit FramedConstraint(std::shared_ptr<const FramedGrammar> grammar)
      : grammar_(std::move(grammar)) {
    At start;
    start.frame = grammar_->Start();
    states_.push_back(std::move(start));
  }

  bool Advance(TokenId token) override {
    if (ended_ || token < 0 || token >= vocabulary().size()) return false;
    At next = states_.back();
    if (vocabulary().IsEnd(token)) {
      if (!MayEnd()) return false;
      ended_ = true;
    } else if (vocabulary().Bytes(token).empty()) {
      if (next.json >= 0) return false;
      next.frame = grammar_->NextToken(next.frame, token);
      if (next.frame == ByteAutomaton::kDead) return false;
    } else if (!Read(next, vocabulary().Bytes(token))) {
      Trim(states_.back());
      return false;
    }
    states_.push_back(std::move(next));
    return true;
  }

  void Mask(std::span<uint64_t> mask) const override {
    std::fill(mask.begin(), mask.end(), 0);
    if (ended_) return;
    const At& at = states_.back();
    if (at.json >= 0) {
      grammar_->FillInside(at.json, at.count, at.state, documents_.back(), mask);
    } else {
      grammar_->FillBetween(at.frame, at.count, mask);
    }
    if (!MayEnd()) return;
    for (const TokenId end : vocabulary().end_of_generation()) SetToken(mask, end);
  }

  bool MayEnd() const override {
    const At& at = states_.back();
    if (at.json < 0) return grammar_->Accepts(at.frame);
    return grammar_->DocumentAt(at.json).reader().MayEnd(at.state) &&
           grammar_->Accepts(grammar_->After(at.json, at.count));
  }

  size_t size() const override { return states_.size() - 1; }

  void Rollback(size_t size) override {
    if (size < this->size()) ended_ = false;
    states_.resize(size + 1);
    Trim(states_.back());
  }

  std::unique_ptr<TokenConstraint> Clone() const override {
    return std::make_unique<FramedConstraint>(*this);
  }
  const TokenVocabulary& vocabulary() const override { return grammar_->vocabulary(); }

 private:
  struct At {
    int32_t frame = ByteAutomaton::kDead;  // outside documents
    int32_t json = -1;                     // inside: the frame's state of the document
    int count = 0;                         // documents begun
    JsonState state;
  };

  /// Follows the bytes of one token. documents_ grows with what is read.
  bool Read(At& at, const std::string& bytes) {
    bool left_document = false;
    for (const char c : bytes) {
      const auto byte = static_cast<uint8_t>(c);
      if (at.json >= 0) {
        documents_.back() += c;
        const JsonReader& reader = grammar_->DocumentAt(at.json).reader();
        if (reader.Step(at.state, byte, &documents_.back()) != JsonStep::kAlive) return false;
        if (at.state.mode == JsonState::Mode::kEnd) {
          at.frame = grammar_->After(at.json, at.count);
          at.json = -1;
          left_document = true;
          if (at.frame == ByteAutomaton::kDead) return false;
        }
        continue;
      }
      // A token that ends one document does not begin another: masks are not walked that far.
      const int32_t json = left_document ? -1 : grammar_->JsonAt(at.frame);
      if (json >= 0 && grammar_->Enter(json, byte, at.state)) {
        at.json = json;
        ++at.count;
        documents_.emplace_back(1, c);
        continue;
      }
      at.frame = grammar_->Next(at.frame, byte);
      if (at.frame == ByteAutomaton::kDead) return false;
    }
    return true;
  }

  /// Forgets what was written behind `at`.
  void Trim(const At& at) {
    documents_.resize(static_cast<size_t>(at.count));
    if (at.json >= 0) documents_.back().resize(at.state.position);
  }

  std::shared_ptr<const FramedGrammar> grammar_;
  std::vector<At> states_;              // before the first token, after it, ...
  std::vector<std::string> documents_;  // begun so far
  bool ended_ = false;
};

std::unique_ptr<TokenConstraint> FramedGrammar::NewConstraint() const {
  return std::make_unique<FramedConstraint>(
      std::static_pointer_cast<const FramedGrammar>(shared_from_this()));
}

}  // namespace

Result<std::shared_ptr<const Grammar>> Grammar::FromFrame(
    Frame frame, const std::vector<std::shared_ptr<const Grammar>>& documents,
    std::shared_ptr<const TokenVocabulary> vocabulary) {
  Documents json;
  for (const auto& document : documents) {
    json.push_back(std::dynamic_pointer_cast<const JsonGrammar>(document));
    if (json.back() == nullptr || &json.back()->vocabulary() != vocabulary.get()) {
      return Fail(ErrorCode::kInternal, "a document of another vocabulary");
    }
  }
  for (const Frame::State& state : frame.states) {
    if (state.kind != Frame::Kind::kJson || !state.object) continue;
    const JsonReader& reader = json.at(static_cast<size_t>(state.what))->reader();
    JsonState start = reader.Start();
    const std::string brace = "{";
    if (reader.Step(start, '{', &brace) != JsonStep::kAlive) {
      return Fail(ErrorCode::kInvalidArgument, "the schema must allow an object");
    }
  }
  return std::make_shared<const FramedGrammar>(std::move(frame), std::move(json),
                                               std::move(vocabulary));
}

}  // namespace dure::text
