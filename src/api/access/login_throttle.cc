#include "api/access/login_throttle.h"

#include <algorithm>
#include <cmath>

#include "net/address.h"

namespace dure::api {

namespace {

std::string AccountKey(const std::string& account) { return "n" + account; }

std::string AddressKey(const std::string& address) {
  const auto parsed = net::IpAddress::Parse(address);
  return "a" + (parsed ? parsed->Subscriber() : address);
}

}  // namespace

double LoginThrottle::Used(const std::string& key, int64_t now_ms) const {
  const auto found = tries_.find(key);
  if (found == tries_.end()) return 0;
  const double forgiven =
      static_cast<double>(now_ms - found->second.at_ms) / 1000 / settings_.seconds_per_try;
  return std::max(0.0, found->second.used - std::max(0.0, forgiven));
}

// Only when there are too many: first those that count for nothing any more, then all.
void LoginThrottle::Forget(int64_t now_ms) {
  if (tries_.size() < settings_.most_entries) return;
  std::erase_if(tries_, [&](const auto& entry) { return Used(entry.first, now_ms) <= 0; });
  if (tries_.size() < settings_.most_entries) return;
  std::erase_if(tries_, [&](const auto& entry) { return Used(entry.first, now_ms) < 2; });
  if (tries_.size() >= settings_.most_entries) tries_.clear();
}

int LoginThrottle::Try(const std::string& account, const std::string& address, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  Forget(now_ms);
  double most = 0;
  for (const std::string& key : {AccountKey(account), AddressKey(address)}) {
    most = std::max(most, Used(key, now_ms));
  }
  if (most > settings_.tries_at_once - 1) {
    const double wait = (most - (settings_.tries_at_once - 1)) * settings_.seconds_per_try;
    return std::max(1, static_cast<int>(std::ceil(wait)));
  }
  for (const std::string& key : {AccountKey(account), AddressKey(address)}) {
    tries_[key] = {Used(key, now_ms) + 1, now_ms};
  }
  return 0;
}

void LoginThrottle::Succeeded(const std::string& account, const std::string& address) {
  const std::lock_guard lock(mutex_);
  tries_.erase(AccountKey(account));
  tries_.erase(AddressKey(address));
}

}  // namespace dure::api
