// A fixed team of threads for one parallel region at a time: workers spin briefly, then park.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

namespace dure {

/// Cores this process may use: the lesser of affinity mask and cgroup CPU quota, at least 1.
int AvailableCores();

/// Sets this thread's floating-point environment to what docs/numerics.md asks for: round to
/// nearest even, no flush to zero, no denormals-are-zero, exceptions masked.
void SetFloatingPointEnvironment();

/// Run is called by one thread at a time; the caller works as member 0. Every member runs with the
/// floating-point environment above.
class ThreadTeam {
 public:
  /// threads >= 1; members beyond the caller are started here.
  explicit ThreadTeam(int threads);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int size() const { return size_; }

  /// Calls work(member) once on each of size() threads; returns after all. work must not throw.
  void Run(const std::function<void(int member)>& work);

  /// Inside Run: waits until every member has called it. All work before is visible after.
  void Barrier();

  /// The range of [0, count) that falls to `member` when it is split evenly.
  static std::pair<int64_t, int64_t> Share(int64_t count, int member, int members) {
    return {count * member / members, count * (member + 1) / members};
  }

 private:
  void Loop(int member);

  int size_;
  int spins_;  // before a waiting thread sleeps
  const std::function<void(int)>* work_ = nullptr;
  alignas(64) std::atomic<uint32_t> generation_{0};
  alignas(64) std::atomic<int> running_{0};
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<uint32_t> barrier_generation_{0};
  std::atomic<bool> stop_{false};
  std::vector<std::thread> workers_;
};

}  // namespace dure
