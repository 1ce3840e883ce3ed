// Ctrl-C during an answer stops the answer, not the program.
#pragma once

#include <functional>
#include <mutex>
#include <thread>

namespace dure {

/// Takes over SIGINT for the whole process while it lives; to be made before other threads are,
/// which inherit the blocked signal. Without an action set, SIGINT ends the program as usual.
class InterruptWatcher {
 public:
  InterruptWatcher();
  ~InterruptWatcher();
  InterruptWatcher(const InterruptWatcher&) = delete;
  InterruptWatcher& operator=(const InterruptWatcher&) = delete;

  /// Called on the watcher's thread at each SIGINT; nullptr: none.
  void SetAction(std::function<void()> action);

 private:
  void Watch();

  std::mutex mutex_;
  std::function<void()> action_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace dure
