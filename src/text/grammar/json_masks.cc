#include "text/grammar/json_masks.h"

#include <algorithm>
#include <string_view>

#include "text/grammar/json_document.h"

namespace dure::text {
namespace {

using Mode = JsonState::Mode;

constexpr int32_t kUnknownStep = -2;
constexpr int32_t kDeadStep = -1;
constexpr size_t kMostMemos = 16'384;
constexpr size_t kMostInside = 2'048;

bool HasSeen(const JsonState& state) {
  return state.level->seen != nullptr && !state.level->seen->empty();
}

bool MayFollow(uint8_t byte, bool string) {
  return byte == ',' || byte == ']' || byte == '}' || byte == ' ' || byte == '\n' || byte == '\r' ||
         byte == '\t' || (string && byte == ':');
}

}  // namespace

void JsonMasks::Begin(const std::string& document, std::span<uint64_t> mask, size_t read,
                      const JsonTail* tail) {
  if (memos_.size() > kMostMemos) {
    memos_.clear();
    memo_ids_.clear();
  }
  if (inside_.size() > kMostInside) inside_.clear();
  mask_ = mask;
  text_ = document;
  doubtful_.clear();
  read_ = read;
  tail_ = tail;
}

void JsonMasks::FillUnder(uint32_t node, const JsonState& state, const std::string& document,
                          std::span<uint64_t> mask, const JsonTail* tail) {
  const TokenTrie& trie = vocabulary_.trie();
  Begin(document, mask, trie[node].depth, tail);
  if (node + 1 < trie[node].end) WalkOn({trie, true}, node, state);
  Verify(state);
}

void JsonMasks::Fill(const JsonState& state, const std::string& document, std::span<uint64_t> mask,
                     const JsonTail* tail) {
  Begin(document, mask, 0, tail);
  const bool in_lexeme =
      state.mode == Mode::kInString || state.mode == Mode::kInNumber || state.mode == Mode::kInName;
  const bool seen = HasSeen(state);
  const bool scarce = (state.mode == Mode::kInName && seen && IsFinite(state.lexeme)) ||
                      (state.mode == Mode::kInString && reader_.StringIsScarce(state));
  if (in_lexeme && !scarce) {
    FillInLexeme(state);
    if (state.mode == Mode::kInName && seen) ClearSeen(0, state);
  } else {
    WalkState({vocabulary_.trie(), true}, 0, state);
  }
  Verify(state);
}

/// Tries tokens one by one where a walk could not tell.
void JsonMasks::Verify(const JsonState& state) {
  for (const int32_t token : doubtful_) {
    const size_t length = text_.size();
    const std::string_view bytes = vocabulary_.Bytes(token);
    if (CanFollow(state, bytes.substr(read_))) SetToken(mask_, token);
    text_.resize(length);
  }
}

/// Reads the bytes, into text_ as far as they belong to the document.
bool JsonMasks::CanFollow(JsonState state, std::string_view bytes) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (tail_ != nullptr && state.mode == Mode::kEnd) {
      int32_t at = tail_->state;
      for (; i < bytes.size() && at != ByteAutomaton::kDead; ++i) {
        at = tail_->automaton->Next(at, static_cast<uint8_t>(bytes[i]));
      }
      return at != ByteAutomaton::kDead;
    }
    text_ += bytes[i];
    if (reader_.Step(state, static_cast<uint8_t>(bytes[i]), &text_) != JsonStep::kAlive) {
      return false;
    }
  }
  return tail_ == nullptr || state.mode != Mode::kEnd || tail_->state != ByteAutomaton::kDead;
}

/// All that can follow the document's end, which was the byte at `node`.
void JsonMasks::WalkTail(const TokenTrie& trie, uint32_t node) {
  const size_t base = trie[node].depth;
  std::vector<int32_t> at = {tail_->state};
  for (uint32_t i = node + 1; i < trie[node].end;) {
    at.resize(trie[i].depth - base);
    const int32_t next = tail_->automaton->Next(at.back(), trie[i].byte);
    if (next == ByteAutomaton::kDead) {
      i = trie[i].end;
      continue;
    }
    for (const int32_t token : trie.TokensAt(i)) SetToken(mask_, token);
    at.push_back(next);
    ++i;
  }
}

bool JsonMasks::IsFinite(const Lexeme& lexeme) const {
  return std::all_of(lexeme.parts.begin(), lexeme.parts.end(), [&](const Lexeme::Part& part) {
    return automata()[part.automaton]->WordsFrom(part.state) != kUncountable;
  });
}

Lexeme JsonMasks::Alike(Lexeme lexeme) const {
  for (Lexeme::Part& part : lexeme.parts) {
    part.state = automata()[part.automaton]->Alike(part.state, vocabulary_.longest());
  }
  return lexeme;
}

void JsonMasks::WalkState(const Walk& walk, uint32_t node, const JsonState& state) {
  const std::bitset<256> candidates = reader_.Candidates(state);
  const TokenTrie& trie = walk.trie;
  for (uint32_t child = node + 1; child < trie[node].end; child = trie[child].end) {
    if (candidates[trie[child].byte]) WalkByte(walk, child, state);
  }
}

/// All that can follow the byte at `node`, which brought about `state`.
void JsonMasks::WalkOn(const Walk& walk, uint32_t node, const JsonState& state) {
  const TokenTrie& trie = walk.trie;
  const bool name = state.mode == Mode::kInName;
  const bool seen = name && HasSeen(state);
  if (seen && !walk.known) {
    for (uint32_t child = node + 1; child < trie[node].end; child = trie[child].end) {
      const auto tokens = trie.TokensUnder(child);
      doubtful_.insert(doubtful_.end(), tokens.begin(), tokens.end());
    }
  } else if ((state.mode == Mode::kInString && !reader_.StringIsScarce(state)) ||
             (name && !IsFinite(state.lexeme))) {
    WalkLexeme(walk, node, state);
    if (seen) ClearSeen(node, state);
  } else {
    WalkState(walk, node, state);
  }
}

/// The byte at `node`, read in `state`, and all that can follow.
void JsonMasks::WalkByte(const Walk& walk, uint32_t node, const JsonState& state) {
  const TokenTrie& trie = walk.trie;
  JsonState next = state;
  if (walk.known) text_ += static_cast<char>(trie[node].byte);
  const JsonStep step = reader_.Step(next, trie[node].byte, walk.known ? &text_ : nullptr);
  if (step == JsonStep::kUnknown) {
    const auto tokens = trie.TokensUnder(node);
    doubtful_.insert(doubtful_.end(), tokens.begin(), tokens.end());
  } else if (step == JsonStep::kAlive) {
    const bool ended = tail_ != nullptr && next.mode == Mode::kEnd;
    if (!ended || tail_->state != ByteAutomaton::kDead) {
      for (const int32_t token : trie.TokensAt(node)) SetToken(mask_, token);
      if (ended) {
        WalkTail(trie, node);
      } else if (node + 1 < trie[node].end) {
        WalkOn(walk, node, next);
      }
    }
  }
  if (walk.known) text_.pop_back();
}

/// As WalkState while a string or name goes on, by memoised steps.
void JsonMasks::WalkLexeme(const Walk& walk, uint32_t node, const JsonState& state) {
  const TokenTrie& trie = walk.trie;
  const size_t base = trie[node].depth;
  std::vector<int32_t> at = {MemoOf(state.lexeme)};
  std::string path;
  for (uint32_t i = node + 1; i < trie[node].end;) {
    const size_t depth = trie[i].depth - base;
    at.resize(depth);
    path.resize(depth - 1);
    const uint8_t byte = trie[i].byte;
    path += static_cast<char>(byte);
    const Lexeme& before = memos_[at.back()].lexeme;
    if (byte == '"' && before.between()) {
      JsonState next = state;
      next.lexeme = before;
      next.position += depth - 1;
      const size_t length = text_.size();
      text_ += path;
      const JsonStep step = reader_.Step(next, byte, walk.known ? &text_ : nullptr);
      if (step == JsonStep::kUnknown) {
        const auto tokens = trie.TokensUnder(i);
        doubtful_.insert(doubtful_.end(), tokens.begin(), tokens.end());
      } else if (step == JsonStep::kAlive) {
        const bool ended = tail_ != nullptr && next.mode == Mode::kEnd;
        if (!ended || tail_->state != ByteAutomaton::kDead) {
          for (const int32_t token : trie.TokensAt(i)) SetToken(mask_, token);
          if (ended) {
            WalkTail(trie, i);
          } else {
            WalkState(walk, i, next);
          }
        }
      }
      text_.resize(length);
      i = trie[i].end;
      continue;
    }
    const int32_t next = StepMemo(at.back(), byte);
    if (next == kDeadStep) {
      i = trie[i].end;
      continue;
    }
    for (const int32_t token : trie.TokensAt(i)) SetToken(mask_, token);
    at.push_back(next);
    ++i;
  }
}

int32_t JsonMasks::MemoOf(const Lexeme& lexeme) {
  const auto [entry, added] = memo_ids_.emplace(lexeme, static_cast<int32_t>(memos_.size()));
  if (added) memos_.push_back({lexeme, nullptr});
  return entry->second;
}

int32_t JsonMasks::StepMemo(int32_t memo, uint8_t byte) {
  if (memos_[memo].next == nullptr) {
    memos_[memo].next = std::make_unique<std::array<int32_t, 256>>();
    memos_[memo].next->fill(kUnknownStep);
  }
  int32_t next = (*memos_[memo].next)[byte];
  if (next != kUnknownStep) return next;
  Lexeme lexeme = memos_[memo].lexeme;
  next = lexeme.Step(byte, automata()) ? MemoOf(lexeme) : kDeadStep;
  (*memos_[memo].next)[byte] = next;
  return next;
}

/// Tokens that leave the lexeme at `node`, by what is left of them after `read` bytes: at a
/// string's quote, or where a number is followed by something else.
void JsonMasks::CollectExits(const TokenTrie& trie, uint32_t node, const Lexeme& lexeme,
                             size_t read, Suffixes& suffixes) const {
  std::vector<std::pair<int32_t, int32_t>> key;
  for (const Lexeme::Part& part : lexeme.parts) {
    const int32_t tag = automata()[part.automaton]->Accept(part.state);
    if (tag != Dfa::kDead) key.emplace_back(part.automaton, tag);
  }
  if (key.empty()) return;
  auto& group = suffixes.try_emplace(key, lexeme, std::vector<std::pair<std::string, int32_t>>())
                    .first->second.second;
  const bool string = lexeme.kind == Lexeme::Kind::kString;
  const auto add = [&](std::span<const int32_t> tokens) {
    for (const int32_t token : tokens) {
      group.emplace_back(vocabulary_.Bytes(token).substr(read), token);
    }
  };
  if (string) add(trie.TokensAt(node));
  for (uint32_t child = node + 1; child < trie[node].end; child = trie[child].end) {
    if (MayFollow(trie[child].byte, string)) add(trie.TokensUnder(child));
  }
}

const JsonMasks::Inside& JsonMasks::InsideOf(const Lexeme& given) {
  const Lexeme lexeme = Alike(given);
  const auto [entry, added] = inside_.try_emplace(lexeme);
  Inside& inside = entry->second;
  if (!added) return inside;
  const bool string = lexeme.kind == Lexeme::Kind::kString;
  int free = 0;
  if (string && lexeme.between()) {
    for (const Lexeme::Part& part : lexeme.parts) {
      free = std::max(free, automata()[part.automaton]->FreeDepth(part.state));
    }
  }
  const TokenVocabulary::Slice* slice = vocabulary_.SliceFor(free);
  inside.mask = slice != nullptr ? slice->plain : TokenBits(vocabulary_.words(), 0);
  const TokenTrie& trie = slice != nullptr ? slice->others : vocabulary_.trie();

  Suffixes suffixes;
  std::vector<int32_t> at = {MemoOf(lexeme)};
  for (uint32_t i = 1; i < trie.size();) {
    const size_t depth = trie[i].depth;
    at.resize(depth);
    const uint8_t byte = trie[i].byte;
    const Lexeme& before = memos_[at.back()].lexeme;
    if (string && byte == '"' && before.between()) {
      CollectExits(trie, i, before, depth - 1, suffixes);
      i = trie[i].end;
      continue;
    }
    const int32_t next = StepMemo(at.back(), byte);
    if (next == kDeadStep) {
      i = trie[i].end;
      continue;
    }
    at.push_back(next);
    for (const int32_t token : trie.TokensAt(i)) SetToken(inside.mask, token);
    if (!string) CollectExits(trie, i, memos_[next].lexeme, depth, suffixes);
    ++i;
  }
  for (auto& [key, group] : suffixes) {
    inside.exits.push_back({group.first, TokenTrie(std::move(group.second))});
  }
  return inside;
}

void JsonMasks::FillInLexeme(const JsonState& state) {
  const Inside& inside = InsideOf(state.lexeme);
  for (size_t w = 0; w < mask_.size(); ++w) mask_[w] |= inside.mask[w];
  if (state.mode == Mode::kInNumber) {
    const TokenTrie& trie = vocabulary_.trie();
    for (uint32_t child = 1; child < trie[0].end; child = trie[child].end) {
      if (MayFollow(trie[child].byte, false)) WalkByte({trie, true}, child, state);
    }
  }
  for (const Exit& exit : inside.exits) {
    JsonState ended = state;
    ended.lexeme = exit.lexeme;
    ended.name_is_new = true;  // ClearSeen takes back the others
    WalkState({exit.rest, false}, 0, ended);
  }
}

/// Takes back the tokens that would end a name that is already there, or lead to nothing else. Only
/// the ways along such names are walked. REQUIRES: `node` is of the vocabulary's trie.
void JsonMasks::ClearSeen(uint32_t node, const JsonState& state) {
  const TokenTrie& trie = vocabulary_.trie();
  std::bitset<256> bytes;
  if (state.lexeme.between()) {
    const auto name = ParseJsonDocument("\"" + text_.substr(state.name_start) + "\"", 1);
    if (!name) return;
    const auto& seen = *state.level->seen;
    for (auto at = seen.lower_bound(name->text); at != seen.end() && at->starts_with(name->text);
         ++at) {
      bytes.set(at->size() > name->text.size() ? static_cast<uint8_t>((*at)[name->text.size()])
                                               : '"');
    }
    if (bytes.none()) return;
    bytes.set('\\');
  } else {
    bytes.set();
  }
  for (uint32_t child = node + 1; child < trie[node].end; child = trie[child].end) {
    const uint8_t byte = trie[child].byte;
    if (!bytes[byte]) continue;
    JsonState next = state;
    text_ += static_cast<char>(byte);
    const JsonStep step = reader_.Step(next, byte, &text_);
    if (step == JsonStep::kDead) {
      for (const int32_t token : trie.TokensUnder(child)) ClearToken(mask_, token);
    } else if (next.mode == Mode::kInName) {
      ClearSeen(child, next);
    }
    text_.pop_back();
  }
}

}  // namespace dure::text
