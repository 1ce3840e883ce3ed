#include "engine/tenant_queue.h"

#include <algorithm>
#include <utility>

namespace dure::engine {

void TenantQueue::Push(std::unique_ptr<Sequence> sequence) {
  Line& line = lines_[sequence->request.tenant];
  if (line.empty()) turns_.push_back(sequence->request.tenant);
  line.push_back(std::move(sequence));
  ++size_;
}

Sequence* TenantQueue::Front() const {
  return turns_.empty() ? nullptr : lines_.at(turns_.front()).front().get();
}

std::unique_ptr<Sequence> TenantQueue::Pop() {
  std::string tenant = std::move(turns_.front());
  turns_.pop_front();
  const auto line = lines_.find(tenant);
  std::unique_ptr<Sequence> sequence = std::move(line->second.front());
  line->second.pop_front();
  --size_;
  if (line->second.empty()) {
    lines_.erase(line);
  } else {
    turns_.push_back(std::move(tenant));
  }
  return sequence;
}

std::unique_ptr<Sequence> TenantQueue::Remove(RequestId id) {
  for (auto line = lines_.begin(); line != lines_.end(); ++line) {
    for (auto it = line->second.begin(); it != line->second.end(); ++it) {
      if ((*it)->id != id) continue;
      std::unique_ptr<Sequence> sequence = std::move(*it);
      line->second.erase(it);
      --size_;
      if (line->second.empty()) {
        turns_.erase(std::find(turns_.begin(), turns_.end(), line->first));
        lines_.erase(line);
      }
      return sequence;
    }
  }
  return nullptr;
}

std::vector<std::unique_ptr<Sequence>> TenantQueue::Clear() {
  std::vector<std::unique_ptr<Sequence>> all;
  while (size_ > 0) all.push_back(Pop());
  return all;
}

}  // namespace dure::engine
