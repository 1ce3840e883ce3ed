#include "base/large_pages.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25  // Linux 6.1
#endif

namespace dure {
namespace {

constexpr int kLowestPriority = 19;

/// False when this kernel cannot.
bool Gather(uint8_t* page) {
  return madvise(page, kLargePage, MADV_COLLAPSE) == 0 || errno != EINVAL;
}

}  // namespace

LargePageGatherer::LargePageGatherer(std::vector<MemoryRegion> filled,
                                     std::vector<MemoryRegion> growing,
                                     std::chrono::milliseconds delay)
    : filled_(std::move(filled)),
      growing_(std::move(growing)),
      delay_(delay),
      thread_([this] { Run(); }) {}

LargePageGatherer::~LargePageGatherer() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void LargePageGatherer::Finish() {
  std::unique_lock lock(mutex_);
  hurry_ = true;
  changed_.notify_all();
  changed_.wait(lock, [&] { return done_; });
}

bool LargePageGatherer::stopped() {
  const std::lock_guard lock(mutex_);
  return stop_;
}

void LargePageGatherer::Run() {
  // Of this thread alone (Linux): it runs when nobody else wants to.
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kLowestPriority);
  {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, delay_, [&] { return stop_ || hurry_; });
  }
  if (!stopped()) {
    for (const MemoryRegion& region : growing_) {
      madvise(region.memory.get(), region.bytes / kLargePage * kLargePage, MADV_HUGEPAGE);
    }
  }
  GatherFilled();
  const std::lock_guard lock(mutex_);
  done_ = true;
  changed_.notify_all();
}

void LargePageGatherer::GatherFilled() {
  for (const MemoryRegion& region : filled_) {
    const size_t whole = region.bytes / kLargePage * kLargePage;
    for (size_t at = 0; at < whole && !stopped(); at += kLargePage) {
      if (Gather(region.memory.get() + at)) continue;
      madvise(region.memory.get() + at, whole - at, MADV_HUGEPAGE);
      break;
    }
  }
}

}  // namespace dure
