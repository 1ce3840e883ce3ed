// Waiting requests: first in, first out for each tenant, and the tenants take turns.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/sequence.h"

namespace dure::engine {

/// Used by one thread.
class TenantQueue {
 public:
  void Push(std::unique_ptr<Sequence> sequence);
  /// Whose turn it is; nullptr when nobody waits. Stays the same until Pop or Remove.
  Sequence* Front() const;
  /// Takes the front out; the next turn is the next tenant's. REQUIRES: not empty.
  std::unique_ptr<Sequence> Pop();
  /// nullptr when it does not wait here.
  std::unique_ptr<Sequence> Remove(RequestId id);
  std::vector<std::unique_ptr<Sequence>> Clear();
  size_t size() const { return size_; }

 private:
  using Line = std::deque<std::unique_ptr<Sequence>>;
  std::map<std::string, Line> lines_;  // by tenant; no empty lines
  std::deque<std::string> turns_;      // every tenant with a line, once; the front is next
  size_t size_ = 0;
};

}  // namespace dure::engine
