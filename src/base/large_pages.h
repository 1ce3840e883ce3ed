// Large pages for memory that is read again and again. Asking for them when memory is first touched
// makes starting slow where they have to be found or, in a virtual machine, fetched from the host;
// so they come afterwards.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "base/page_arena.h"

namespace dure {

/// Moves what stands in the `filled` regions into large pages, and asks for them where the
/// `growing` regions are touched from then on, beginning after `delay` (a program that lives
/// shorter gains nothing), in a thread that gives way to all others. The memory may be used
/// meanwhile. Linux 6.1 and later; before that the kernel is asked to do so in its own time.
class LargePageGatherer {
 public:
  /// Keeps the regions alive until it is destroyed.
  LargePageGatherer(std::vector<MemoryRegion> filled, std::vector<MemoryRegion> growing,
                    std::chrono::milliseconds delay);
  /// Stops where it is.
  ~LargePageGatherer();
  LargePageGatherer(const LargePageGatherer&) = delete;
  LargePageGatherer& operator=(const LargePageGatherer&) = delete;

  /// Begins at once; returns when all is done.
  void Finish();

 private:
  void Run();
  void GatherFilled();
  bool stopped();

  std::vector<MemoryRegion> filled_;
  std::vector<MemoryRegion> growing_;
  std::chrono::milliseconds delay_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  bool hurry_ = false;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace dure
