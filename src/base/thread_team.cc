#include "base/thread_team.h"

#include <immintrin.h>
#include <sched.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace dure {
namespace {

// About 50 us of spinning before a thread sleeps: longer than the gap between two regions of one
// step, shorter than anyone would notice on an idle machine.
constexpr int kSpins = 2000;

/// Waits until the value is no longer `old`.
template <typename T>
T WaitForChange(const std::atomic<T>& value, T old, int spins) {
  for (int i = 0; i < spins; ++i) {
    const T now = value.load(std::memory_order_acquire);
    if (now != old) return now;
    _mm_pause();
  }
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

/// Cores granted by a cgroup v2 or v1 quota, rounded up; 0 when there is none.
int QuotaCores() {
  std::ifstream v2("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (v2 >> quota >> period && quota != "max" && period > 0) {
    return static_cast<int>((std::strtod(quota.c_str(), nullptr) + period - 1) / period);
  }
  std::ifstream v1_quota("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  std::ifstream v1_period("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  double limit = 0;
  if (v1_quota >> limit && v1_period >> period && limit > 0 && period > 0) {
    return static_cast<int>((limit + period - 1) / period);
  }
  return 0;
}

}  // namespace

int AvailableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cores = static_cast<int>(std::thread::hardware_concurrency());
  if (sched_getaffinity(0, sizeof(set), &set) == 0) cores = CPU_COUNT(&set);
  const int quota = QuotaCores();
  if (quota > 0) cores = std::min(cores, quota);
  return std::max(cores, 1);
}

void SetFloatingPointEnvironment() { _mm_setcsr(0x1f80); }

// More members than cores: the one that waits must make room for the one it waits for.
ThreadTeam::ThreadTeam(int threads)
    : size_(std::max(threads, 1)), spins_(size_ <= AvailableCores() ? kSpins : 0) {
  for (int member = 1; member < size_; ++member) {
    workers_.emplace_back([this, member] { Loop(member); });
  }
}

ThreadTeam::~ThreadTeam() {
  stop_.store(true);
  generation_.fetch_add(1);
  generation_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadTeam::Run(const std::function<void(int)>& work) {
  SetFloatingPointEnvironment();
  if (size_ == 1) {
    work(0);
    return;
  }
  work_ = &work;
  running_.store(size_ - 1, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  work(0);
  for (int left = running_.load(std::memory_order_acquire); left != 0;) {
    left = WaitForChange(running_, left, spins_);
  }
}

void ThreadTeam::Barrier() {
  if (size_ == 1) return;
  const uint32_t generation = barrier_generation_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == size_) {
    arrived_.store(0, std::memory_order_relaxed);
    barrier_generation_.fetch_add(1, std::memory_order_release);
    barrier_generation_.notify_all();
    return;
  }
  while (WaitForChange(barrier_generation_, generation, spins_) == generation) {
  }
}

void ThreadTeam::Loop(int member) {
  SetFloatingPointEnvironment();
  uint32_t seen = 0;
  for (;;) {
    uint32_t now = seen;
    while (now == seen) now = WaitForChange(generation_, seen, spins_);
    seen = now;
    if (stop_.load()) return;
    (*work_)(member);
    running_.fetch_sub(1, std::memory_order_release);
    running_.notify_one();
  }
}

}  // namespace dure
