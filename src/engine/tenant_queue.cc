#include "engine/tenant_queue.h"

#include <algorithm>

namespace dure::engine {

void TenantQueue::Push(SequenceList& arrival) {
  const auto [line, added] = lines_.try_emplace(arrival.front().request.tenant);
  if (added) line->second.turn = ++turns_;
  SequenceList& waiting = line->second.waiting;
  waiting.splice(waiting.end(), arrival, arrival.begin());
  ++size_;
}

TenantQueue::Lines::iterator TenantQueue::Next() {
  auto next = lines_.end();
  for (auto it = lines_.begin(); it != lines_.end(); ++it) {
    const Line& line = it->second;
    if (line.waiting.empty()) continue;
    if (next == lines_.end() || line.admitted < next->second.admitted ||
        (line.admitted == next->second.admitted && line.turn < next->second.turn)) {
      next = it;
    }
  }
  return next;
}

Sequence* TenantQueue::Front() {
  const auto line = Next();
  return line == lines_.end() ? nullptr : &line->second.waiting.front();
}

void TenantQueue::Pop(SequenceList& to, SequenceList::iterator place) {
  Line& line = Next()->second;
  to.splice(place, line.waiting, line.waiting.begin());
  ++line.admitted;
  line.turn = ++turns_;
  --size_;
}

void TenantQueue::Return(SequenceList& from, SequenceList::iterator it) {
  Line& line = lines_.at(it->request.tenant);
  line.waiting.splice(line.waiting.begin(), from, it);
  --line.admitted;
  ++size_;
}

void TenantQueue::Leave(const Sequence& sequence) {
  const auto line = lines_.find(sequence.request.tenant);
  --line->second.admitted;
  EraseIfEmpty(line);
}

void TenantQueue::EraseIfEmpty(Lines::iterator line) {
  if (line->second.waiting.empty() && line->second.admitted == 0) lines_.erase(line);
}

void TenantQueue::Remove(RequestId id, SequenceList& to) {
  for (auto line = lines_.begin(); line != lines_.end(); ++line) {
    SequenceList& waiting = line->second.waiting;
    const auto it = std::find_if(waiting.begin(), waiting.end(),
                                 [id](const Sequence& sequence) { return sequence.id == id; });
    if (it == waiting.end()) continue;
    to.splice(to.end(), waiting, it);
    --size_;
    EraseIfEmpty(line);
    return;
  }
}

void TenantQueue::Clear(SequenceList& to) {
  for (auto& [tenant, line] : lines_) to.splice(to.end(), line.waiting);
  lines_.clear();
  size_ = 0;
}

int TenantQueue::Admitted(const Sequence& sequence) const {
  const auto line = lines_.find(sequence.request.tenant);
  return line == lines_.end() ? 0 : line->second.admitted;
}

int TenantQueue::AdmittedTenants() const {
  return static_cast<int>(std::count_if(lines_.begin(), lines_.end(),
                                        [](const auto& line) { return line.second.admitted > 0; }));
}

}  // namespace dure::engine
