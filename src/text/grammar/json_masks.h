// Token masks of JSON texts. What can follow inside a string, name or number depends on its
// automata alone and is kept; what can follow behind it is walked anew, over the few tokens that
// reach there.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/grammar/byte_automaton.h"
#include "text/grammar/json_reader.h"
#include "text/grammar/token_vocabulary.h"

namespace dure::text {

/// What follows a document whose last byte was its closing bracket, quote or letter.
struct JsonTail {
  ByteAutomaton* automaton;
  int32_t state;  // kDead: nothing may
};

/// Used by one thread at a time; the reader and the vocabulary must outlive it.
class JsonMasks {
 public:
  JsonMasks(const JsonReader& reader, const TokenVocabulary& vocabulary)
      : reader_(reader), vocabulary_(vocabulary) {}

  /// Sets the bits of the tokens whose bytes are alive after `document`, which brought about
  /// `state`. REQUIRES: the mask is clear. tail: tokens may go on there when the document has
  /// ended; null: nothing but white space follows it.
  void Fill(const JsonState& state, const std::string& document, std::span<uint64_t> mask,
            const JsonTail* tail = nullptr);
  /// The same for the tokens below a node of the vocabulary's trie, whose last byte is the first
  /// of the document. Adds to the mask.
  void FillUnder(uint32_t node, const JsonState& state, const std::string& document,
                 std::span<uint64_t> mask, const JsonTail* tail);

 private:
  // Memoised steps of one lexeme.
  struct Memo {
    Lexeme lexeme;
    std::unique_ptr<std::array<int32_t, 256>> next;
  };
  // Where tokens leave a lexeme: what the automata then say, and the rest of these tokens.
  struct Exit {
    Lexeme lexeme;
    TokenTrie rest;
  };
  struct Inside {
    TokenBits mask;
    std::vector<Exit> exits;
  };
  struct Walk {
    const TokenTrie& trie;
    bool known;  // text_ is the whole document
  };
  using Suffixes = std::map<std::vector<std::pair<int32_t, int32_t>>,
                            std::pair<Lexeme, std::vector<std::pair<std::string, int32_t>>>>;

  void WalkState(const Walk& walk, uint32_t node, const JsonState& state);
  void WalkOn(const Walk& walk, uint32_t node, const JsonState& state);
  void WalkByte(const Walk& walk, uint32_t node, const JsonState& state);
  void WalkLexeme(const Walk& walk, uint32_t node, const JsonState& state);
  void WalkTail(const TokenTrie& trie, uint32_t node);
  void Begin(const std::string& document, std::span<uint64_t> mask, size_t read,
             const JsonTail* tail);
  void FillInLexeme(const JsonState& state);
  void ClearSeen(uint32_t node, const JsonState& state);
  void Verify(const JsonState& state);
  bool CanFollow(JsonState state, std::string_view bytes);
  const Inside& InsideOf(const Lexeme& lexeme);
  void CollectExits(const TokenTrie& trie, uint32_t node, const Lexeme& lexeme, size_t read,
                    Suffixes& suffixes) const;
  int32_t MemoOf(const Lexeme& lexeme);
  int32_t StepMemo(int32_t memo, uint8_t byte);
  bool IsFinite(const Lexeme& lexeme) const;
  Lexeme Alike(Lexeme lexeme) const;
  const Automata& automata() const { return reader_.program().automata; }

  const JsonReader& reader_;
  const TokenVocabulary& vocabulary_;
  std::vector<Memo> memos_;
  std::map<Lexeme, int32_t> memo_ids_;
  std::map<Lexeme, Inside> inside_;

  // Of one Fill.
  std::span<uint64_t> mask_;
  std::string text_;
  std::vector<int32_t> doubtful_;
  size_t read_ = 0;  // bytes of each token that the document holds already
  const JsonTail* tail_ = nullptr;
};

}  // namespace dure::text
