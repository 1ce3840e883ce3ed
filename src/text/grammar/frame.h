// Text, control tokens and whole JSON documents in sequence and by choice: what an answer is made
// of that holds tool calls. A nondeterministic automaton whose letters are bytes, tokens and
// documents.
#pragma once

#include <bitset>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "text/grammar/byte_automaton.h"
#include "text/tokenizer.h"

namespace dure::text {

struct Frame {
  enum class Kind : uint8_t {
    kBytes,   // a byte of `bytes`, then `to`
    kAny,     // any byte or token that does not end the answer, then `to`
    kToken,   // the token `what`, then `to`
    kJson,    // the document `what`, then `to`; after the last one allowed, `other`
    kSplit,   // nothing, then `to` or `other`
    kCommit,  // nothing, then `to`; the other ways that were open beside this one are closed
    kEnd,     // the answer may end
  };
  struct State {
    Kind kind = Kind::kEnd;
    int32_t what = -1;
    int32_t to = -1;
    int32_t other = -1;
    bool object = false;  // kJson: only an object
    std::bitset<256> bytes;
  };

  std::vector<State> states;
  int32_t start = 0;
  int most_documents = 1;

  int32_t Add(State state);
  int32_t End() { return Add({Kind::kEnd, -1, -1, -1, false, {}}); }
  int32_t Split(int32_t to, int32_t other) { return Add({Kind::kSplit, -1, to, other, false, {}}); }
  int32_t Commit(int32_t to) { return Add({Kind::kCommit, -1, to, -1, false, {}}); }
  int32_t Token(TokenId token, int32_t to) { return Add({Kind::kToken, token, to, -1, false, {}}); }
  int32_t Json(int32_t document, bool object, int32_t to, int32_t last) {
    return Add({Kind::kJson, document, to, last, object, {}});
  }
  /// One of `bytes`.
  int32_t OneOf(std::string_view bytes, int32_t to);
  /// All of `text`.
  int32_t Text(std::string_view text, int32_t to);
  /// Up to `most` bytes of `bytes`.
  int32_t UpTo(int most, std::string_view bytes, int32_t to);
};

/// A frame made deterministic as it runs; documents are its user's. Used by one thread at a time.
class FrameAutomaton : public ByteAutomaton {
 public:
  explicit FrameAutomaton(Frame frame);

  const Frame& frame() const { return frame_; }
  int32_t start() override { return start_; }
  bool Accepts(int32_t state) const override { return states_[state].accepts; }
  /// The frame's state of a document that may begin here, or -1.
  int32_t JsonAt(int32_t state) const { return states_[state].json; }
  /// Where a control token leads.
  int32_t NextToken(int32_t state, TokenId token);
  /// Control tokens that the frame itself names and that may come.
  std::vector<TokenId> TokensFrom(int32_t state) const;
  /// From a state of the frame.
  int32_t From(int32_t frame_state);

 protected:
  int32_t Compute(int32_t state, uint8_t byte) override;

 private:
  struct State {
    std::vector<int32_t> at;  // sorted: states of the frame that read something
    int32_t json = -1;
    bool accepts = false;
  };
  int32_t IdOf(const std::vector<int32_t>& from);

  void Reach(int32_t from, bool& committed);

  const Frame frame_;
  // Of one IdOf: how a state of the frame was reached (0: not, 2: with a commit), and which were.
  std::vector<int8_t> rank_;
  std::vector<int32_t> reached_;
  std::vector<State> states_;
  std::map<std::pair<std::vector<int32_t>, bool>, int32_t> ids_;
  int32_t start_ = kDead;
};

}  // namespace dure::text
