// The scheduler's second part: how many rows of each running sequence the step gets.
#include <algorithm>
#include <span>

#include "engine/scheduler.h"

namespace dure::engine {
namespace {

// Kernels work on tiles of so many rows: a started one costs as much as a full one.
constexpr int kRowTile = 16;

bool InPrompt(const Sequence& sequence) { return sequence.pending() > 1; }

}  // namespace

void Scheduler::PlanRuns(const StepCost& cost) {
  int decoding = 0;
  for (Sequence& sequence : running_) {
    sequence.planned = 0;
    sequence.draft.clear();
    sequence.draft_accepted = 0;
    sequence.draft_expected = false;
    if (InPrompt(sequence)) AdoptLate(sequence);
    if (!InPrompt(sequence)) ++decoding;
  }
  const int expected = AddExpected(decoding, cost);
  if (decoding < running()) {
    SharePromptRows(PromptRows(decoding + expected, cost));
  } else if (decoding <= limits_.max_speculating) {
    AddDrafts(decoding + expected, cost);
  }
  AddRuns();
}

int Scheduler::PromptRows(int decoding, const StepCost& cost) const {
  const int most = std::max(limits_.step_token_budget - decoding, 1);
  if (decoding == 0) return most;
  int rows = cost.PromptRowsWithin(limits_.step_budget_ms, decoding);
  if (rows < 0) rows = limits_.untimed_prompt_rows;
  rows -= rows % kRowTile;
  return std::min(std::max(rows, limits_.least_prompt_rows), most);
}

int Scheduler::AddExpected(int decoding, const StepCost& cost) {
  int left = limits_.max_expected_rows;
  // Others keep their pace.
  if (decoding > 1) left = std::min(left, PromptRows(decoding, cost));
  int rows = 0;
  for (Sequence& sequence : running_) {
    const std::vector<TokenId>& expected = sequence.request.expected;
    const size_t generated = sequence.tokens.size() - sequence.request.prompt.size();
    if (InPrompt(sequence) || !sequence.as_expected || generated + 1 >= expected.size()) continue;
    // The last one is sampled from the row of the one before.
    const int wanted = static_cast<int>(expected.size() - generated) - 1;
    const int room = sequence.longest - static_cast<int>(sequence.tokens.size()) - 1;
    const int count = GrowForDraft(sequence, std::min({wanted, room, left - rows}));
    const auto next = expected.begin() + static_cast<std::ptrdiff_t>(generated);
    sequence.draft.assign(next, next + count);
    sequence.draft_expected = count > 0;
    rows += count;
  }
  return rows;
}

void Scheduler::AddDrafts(int rows, const StepCost& cost) {
  for (Sequence& sequence : running_) {
    const int most = std::min(limits_.max_draft,
                              sequence.longest - static_cast<int>(sequence.tokens.size()) - 1);
    if (most < 1 || !sequence.request.forced.empty() || !sequence.draft.empty()) continue;
    const Match match = FindMatch(sequence.tokens, sequence.draft_record.LeastMatch());
    if (match.length == 0) continue;
    const int wanted = sequence.draft_record.BestLength(match, most, rows, cost);
    const int count = GrowForDraft(sequence, wanted);
    if (count == 0) sequence.draft_record.Skip();
    CopyDraft(sequence.tokens, match, count, sequence.draft);
    rows += count;
  }
}

int Scheduler::GrowForDraft(Sequence& sequence, int count) {
  const auto size = static_cast<int>(sequence.tokens.size());
  const int needed = BlocksFor(size + count);
  while (static_cast<int>(sequence.blocks.size()) < needed && cache_.available() > running()) {
    sequence.blocks.push_back(*cache_.Allocate());
  }
  const int room = static_cast<int>(sequence.blocks.size()) * limits_.block_positions - size;
  return std::max(std::min(count, room), 0);
}

void Scheduler::AdoptLate(Sequence& sequence) {
  if (sequence.computed != sequence.kept * limits_.block_positions) return;
  const auto cacheable = std::span<const TokenId>(sequence.tokens)
                             .first(static_cast<size_t>(sequence.first_logit_position()));
  cache_.Adopt(sequence.request.tenant, cacheable, sequence.blocks, sequence.kept);
  const int gained = sequence.kept * limits_.block_positions - sequence.computed;
  sequence.computed += gained;
  if (!sequence.answered()) sequence.cached_tokens += gained;
}

bool Scheduler::WaitsForPrefix(const Sequence& sequence) const {
  const int block = limits_.block_positions;
  const int end = (sequence.kept + 1) * block;
  if (!limits_.prefix_cache || sequence.computed != sequence.kept * block ||
      end > sequence.first_logit_position()) {
    return false;
  }
  const auto at = static_cast<size_t>(sequence.kept);
  const auto next = std::span<const TokenId>(sequence.tokens)
                        .subspan(at * static_cast<size_t>(block), static_cast<size_t>(block));
  for (const Sequence& other : running_) {
    if (&other == &sequence) break;
    if (other.planned == 0 || other.kept != sequence.kept || !SameTenant(other, sequence)) continue;
    if (at > 0 && other.blocks[at - 1] != sequence.blocks[at - 1]) continue;
    const auto theirs = std::span<const TokenId>(other.tokens).subspan(at * next.size());
    if (theirs.size() >= next.size() && std::ranges::equal(theirs.first(next.size()), next)) {
      return true;
    }
  }
  return false;
}

int Scheduler::MoreRows(const Sequence& sequence) const {
  if (!InPrompt(sequence) || (sequence.planned == 0 && WaitsForPrefix(sequence))) return 0;
  return sequence.pending() - sequence.planned;
}

/// Rows for the prompts of the tenant whose first running sequence is *first, of its priority.
int Scheduler::GiveRows(SequenceList::iterator first, int rows) {
  const auto ours = [&](const Sequence& s) {
    return s.request.priority == first->request.priority && SameTenant(s, *first);
  };
  int prompts = 0;
  for (auto it = first; it != running_.end(); ++it) prompts += ours(*it) && InPrompt(*it) ? 1 : 0;
  // While others wait with their prompts, the first takes at most half: a short prompt need not
  // wait for a long one.
  int left = rows;
  for (const int most : {prompts > 1 ? std::max(rows / 2, 1) : rows, rows}) {
    for (auto it = first; it != running_.end() && left > 0; ++it) {
      if (!ours(*it)) continue;
      const int more = std::min({MoreRows(*it), most, left});
      it->planned += more;
      left -= more;
    }
  }
  return rows - left;
}

bool Scheduler::StartsClass(SequenceList::iterator it) {
  return std::none_of(running_.begin(), it, [&](const Sequence& s) {
    return s.request.priority == it->request.priority && SameTenant(s, *it);
  });
}

bool Scheduler::WantsRows(SequenceList::iterator first) {
  return std::any_of(first, running_.end(), [&](const Sequence& s) {
    return s.request.priority == first->request.priority && SameTenant(s, *first) &&
           MoreRows(s) > 0;
  });
}

/// The important ones first; tenants of equal importance get equal shares, and what one does not
/// need goes to the others.
void Scheduler::SharePromptRows(int left) {
  for (int p = kPriorities - 1; p >= 0; --p) {
    const auto wants = [&](SequenceList::iterator it) {
      return static_cast<int>(it->request.priority) == p && StartsClass(it) && WantsRows(it);
    };
    for (int wanting = 1; wanting > 0 && left > 0;) {
      wanting = 0;
      for (auto it = running_.begin(); it != running_.end(); ++it) wanting += wants(it) ? 1 : 0;
      const int share = std::max(left / std::max(wanting, 1), 1);
      for (auto it = running_.begin(); it != running_.end() && left > 0; ++it) {
        if (wants(it)) left -= GiveRows(it, std::min(share, left));
      }
    }
  }
}

void Scheduler::AddRuns() {
  plan_.decode_rows = plan_.prompt_rows = 0;
  int forced_rows = limits_.max_forced_logit_rows;
  for (Sequence& sequence : running_) {
    const int first_logit = std::max(sequence.first_logit_position(), sequence.computed);
    const bool prompt = InPrompt(sequence);
    int count = prompt ? sequence.planned : 1 + static_cast<int>(sequence.draft.size());
    if (!sequence.request.forced.empty()) {
      count = std::min(count, first_logit - sequence.computed + forced_rows);
      forced_rows -= std::max(0, sequence.computed + count - first_logit);
    }
    if (count == 0) continue;
    (prompt ? plan_.prompt_rows : plan_.decode_rows) += count;
    const int end = sequence.computed + count;
    plan_.runs.push_back({&sequence, sequence.computed, count, std::min(first_logit, end)});
  }
}

}  // namespace dure::engine
