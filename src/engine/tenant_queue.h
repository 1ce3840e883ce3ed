// Requests of equal importance: first in, first out for each tenant, and the tenants take turns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "engine/sequence.h"

namespace dure::engine {

/// Holds those who wait and counts those who were admitted. Used by one thread. Nothing but Push
/// allocates memory.
class TenantQueue {
 public:
  /// Adds the one sequence of `arrival`. Errors: std::bad_alloc, then nothing has changed.
  void Push(SequenceList& arrival);
  /// Whose turn it is: of the tenants with the fewest admitted sequences, the one whose last turn
  /// is longest ago. nullptr when nobody waits.
  Sequence* Front();
  /// Admits the front: moves it to `to`, before `place`. REQUIRES: not empty.
  void Pop(SequenceList& to, SequenceList::iterator place);
  /// An admitted sequence waits again, before the others of its tenant.
  void Return(SequenceList& from, SequenceList::iterator it);
  /// An admitted sequence is over.
  void Leave(const Sequence& sequence);
  /// Moves one that waits here to `to`. Unknown ids are ignored.
  void Remove(RequestId id, SequenceList& to);
  void Clear(SequenceList& to);

  template <typename Visit>
  void ForEach(Visit visit) {
    for (auto& [tenant, line] : lines_) {
      for (Sequence& sequence : line.waiting) visit(sequence);
    }
  }
  /// Those that wait.
  size_t size() const { return size_; }
  /// Admitted sequences of this one's tenant.
  int Admitted(const Sequence& sequence) const;
  /// Tenants with admitted sequences.
  int AdmittedTenants() const;

 private:
  struct Line {
    SequenceList waiting;
    int admitted = 0;
    uint64_t turn = 0;  // when it had its last turn, or came
  };
  using Lines = std::map<std::string, Line>;

  Lines::iterator Next();
  void EraseIfEmpty(Lines::iterator line);

  Lines lines_;
  uint64_t turns_ = 0;
  size_t size_ = 0;
};

}  // namespace dure::engine
