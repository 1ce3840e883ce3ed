// One request on its way through the engine.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "engine/answer.h"
#include "engine/draft.h"
#include "engine/engine.h"
#include "text/grammar/constraint.h"

namespace dure::engine {

/// What an Error says where there is no memory for more: as short as a string may be without an
/// allocation.
inline constexpr const char* kOutOfMemory = "out of memory";

struct Sequence {
  RequestId id = 0;
  GenerateRequest request;
  std::shared_ptr<Sink> sink;

  std::vector<TokenId> tokens;  // the prompt, then what was continued and generated, or all forced
                                // tokens but the last
  int computed = 0;             // leading tokens whose keys and values are in the cache
  int delivered = 0;            // tokens the sink has had
  std::vector<int32_t> blocks;  // position p lives in blocks[p / kKvBlockPositions]
  int kept = 0;                 // leading blocks that the prefix cache has too
  int cached_tokens = 0;        // prompt tokens that came from the prefix cache
  uint64_t admission = 0;       // order of first admission, counted from 1; 0: not yet
  uint64_t running_since = 0;   // the step that admitted it last
  int planned = 0;              // prompt rows in the step that is being planned
  int longest = 0;              // tokens, prompt and answer, it may have at the end
  std::vector<TokenId> draft;   // guessed tokens of this step, after `tokens`
  int draft_accepted = 0;       // how many of them were right
  bool draft_expected = false;  // they are the request's own
  bool as_expected = true;      // what was generated so far is what the request expects
  DraftRecord draft_record;
  bool finished = false;                // the sink has had its OnFinish
  std::atomic<bool> cancelled = false;  // set by any thread

  std::optional<Answer> answer;
  std::unique_ptr<text::TokenConstraint> constraint;  // of the request, brought along
  size_t followed = 0;  // generated tokens that the constraint has taken and that stay

  std::chrono::steady_clock::time_point submitted;
  std::chrono::steady_clock::time_point admitted;
  std::chrono::steady_clock::time_point first_token;
  std::chrono::steady_clock::time_point last_token;

  /// The first position whose logits decide a token that the sink has not had. Earlier rows need
  /// none, also when they are computed again after a preemption.
  int first_logit_position() const {
    return static_cast<int>(request.prompt.size()) + delivered - 1;
  }
  /// Whether it gave a token itself, beside those that it continues.
  bool answered() const { return delivered > static_cast<int>(request.continued.size()); }
  int pending() const { return static_cast<int>(tokens.size()) - computed; }
};

inline bool SameTenant(const Sequence& a, const Sequence& b) {
  return a.request.tenant == b.request.tenant;
}

/// Sequences move between lists by splicing, which allocates nothing and keeps pointers to them
/// good.
using SequenceList = std::list<Sequence>;

}  // namespace dure::engine
