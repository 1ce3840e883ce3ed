// How often somebody may try to sign in: for each account and for each address (an IPv6
// subscriber's /64 counts as one) a few tries at once, then one every half minute.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace dure::api {

struct LoginThrottleSettings {
  double tries_at_once = 10;
  double seconds_per_try = 30;
  size_t most_entries = 100'000;  // beyond it those who tried longest ago are forgotten
};

/// Thread-safe.
class LoginThrottle {
 public:
  explicit LoginThrottle(LoginThrottleSettings settings = {}) : settings_(settings) {}

  /// Counts a try. 0: go on; else the seconds until the next one is allowed.
  int Try(const std::string& account, const std::string& address, int64_t now_ms);
  /// The password was right: the account's and the address's tries are forgiven.
  void Succeeded(const std::string& account, const std::string& address);

 private:
  struct Tries {
    double used = 0;
    int64_t at_ms = 0;
  };

  double Used(const std::string& key, int64_t now_ms) const;
  void Forget(int64_t now_ms);

  const LoginThrottleSettings settings_;
  std::mutex mutex_;
  std::map<std::string, Tries> tries_;
};

}  // namespace dure::api
