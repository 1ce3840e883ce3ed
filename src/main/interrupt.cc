#include "main/interrupt.h"

#include <pthread.h>
#include <signal.h>

#include <utility>

namespace dure {
namespace {

// Sent to the watcher's own thread when it is to end.
constexpr int kEndSignal = SIGUSR1;

sigset_t WatchedSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, kEndSignal);
  return signals;
}

/// What SIGINT does to a program that does not watch it.
void DieOfInterrupt() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  signal(SIGINT, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  raise(SIGINT);
}

}  // namespace

InterruptWatcher::InterruptWatcher() {
  const sigset_t signals = WatchedSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  thread_ = std::thread([this] { Watch(); });
}

InterruptWatcher::~InterruptWatcher() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  pthread_kill(thread_.native_handle(), kEndSignal);
  thread_.join();
  const sigset_t signals = WatchedSignals();
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

void InterruptWatcher::SetAction(std::function<void()> action) {
  const std::lock_guard lock(mutex_);
  action_ = std::move(action);
}

void InterruptWatcher::Watch() {
  const sigset_t signals = WatchedSignals();
  for (;;) {
    int received = 0;
    if (sigwait(&signals, &received) != 0) continue;
    const std::lock_guard lock(mutex_);
    if (stop_) return;
    if (received != SIGINT) continue;
    if (action_) {
      action_();
    } else {
      DieOfInterrupt();
    }
  }
}

}  // namespace dure
