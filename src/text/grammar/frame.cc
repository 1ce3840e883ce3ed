#include "text/grammar/frame.h"

#include <algorithm>

namespace dure::text {
namespace {

// A frame has few; only what somebody contrives would have more.
constexpr size_t kMostStates = 20'000;

}  // namespace

int32_t Frame::Add(State state) {
  states.push_back(std::move(state));
  return static_cast<int32_t>(states.size()) - 1;
}

int32_t Frame::OneOf(std::string_view bytes, int32_t to) {
  State state{Kind::kBytes, -1, to, -1, false, {}};
  for (const char byte : bytes) state.bytes.set(static_cast<uint8_t>(byte));
  return Add(std::move(state));
}

int32_t Frame::Text(std::string_view text, int32_t to) {
  for (size_t i = text.size(); i-- > 0;) to = OneOf(text.substr(i, 1), to);
  return to;
}

int32_t Frame::UpTo(int most, std::string_view bytes, int32_t to) {
  int32_t from = to;
  for (int i = 0; i < most; ++i) from = Split(OneOf(bytes, from), to);
  return from;
}

FrameAutomaton::FrameAutomaton(Frame frame)
    : frame_(std::move(frame)), rank_(frame_.states.size(), 0) {
  start_ = IdOf({frame_.start});
}

int32_t FrameAutomaton::From(int32_t frame_state) { return IdOf({frame_state}); }

/// Marks all that is reached without reading.
void FrameAutomaton::Reach(int32_t from, bool& committed) {
  std::vector<std::pair<int32_t, bool>> open = {{from, false}};
  while (!open.empty()) {
    const auto [at, sure] = open.back();
    open.pop_back();
    const int8_t rank = sure ? 2 : 1;
    if (rank_[at] >= rank) continue;
    if (rank_[at] == 0) reached_.push_back(at);
    rank_[at] = rank;
    const Frame::State& state = frame_.states[at];
    if (state.kind == Frame::Kind::kSplit) {
      open.emplace_back(state.to, sure);
      open.emplace_back(state.other, sure);
    } else if (state.kind == Frame::Kind::kCommit) {
      open.emplace_back(state.to, true);
      committed = true;
    }
  }
}

int32_t FrameAutomaton::IdOf(const std::vector<int32_t>& from) {
  bool committed = false;
  for (const int32_t state : from) Reach(state, committed);
  std::sort(reached_.begin(), reached_.end());
  State out;
  for (const int32_t at : reached_) {
    const bool counts = rank_[at] == 2 || !committed;
    rank_[at] = 0;
    const Frame::Kind kind = frame_.states[at].kind;
    if (!counts || kind == Frame::Kind::kSplit || kind == Frame::Kind::kCommit) continue;
    if (kind == Frame::Kind::kEnd) {
      out.accepts = true;
      continue;
    }
    if (kind == Frame::Kind::kJson && out.json < 0) out.json = at;
    out.at.push_back(at);
  }
  reached_.clear();
  if (out.at.empty() && !out.accepts) return kDead;
  const auto [entry, added] =
      ids_.emplace(std::pair(out.at, out.accepts), static_cast<int32_t>(states_.size()));
  if (!added) return entry->second;
  if (states_.size() >= kMostStates) {
    ids_.erase(entry);
    return kDead;
  }
  states_.push_back(std::move(out));
  return static_cast<int32_t>(states_.size()) - 1;
}

int32_t FrameAutomaton::Compute(int32_t state, uint8_t byte) {
  std::vector<int32_t> next;
  for (const int32_t at : states_[state].at) {
    const Frame::State& from = frame_.states[at];
    const bool reads =
        from.kind == Frame::Kind::kAny || (from.kind == Frame::Kind::kBytes && from.bytes[byte]);
    if (reads) next.push_back(from.to);
  }
  return next.empty() ? kDead : IdOf(next);
}

int32_t FrameAutomaton::NextToken(int32_t state, TokenId token) {
  std::vector<int32_t> next;
  for (const int32_t at : states_[state].at) {
    const Frame::State& from = frame_.states[at];
    const bool reads =
        from.kind == Frame::Kind::kAny || (from.kind == Frame::Kind::kToken && from.what == token);
    if (reads) next.push_back(from.to);
  }
  return next.empty() ? kDead : IdOf(next);
}

std::vector<TokenId> FrameAutomaton::TokensFrom(int32_t state) const {
  std::vector<TokenId> tokens;
  for (const int32_t at : states_[state].at) {
    if (frame_.states[at].kind == Frame::Kind::kToken) tokens.push_back(frame_.states[at].what);
  }
  return tokens;
}

}  // namespace dure::text
