// The door of the server: who comes in, how much at once, and who has to leave.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "api/access/authenticator.h"
#include "api/access/background.h"
#include "api/access/limiter.h"
#include "api/access/login_throttle.h"
#include "api/access/ticket.h"
#include "store/secrets.h"
#include "store/store.h"

namespace dure::api {

struct GateSettings {
  AuthenticatorSettings authentication;
  /// What accounts have that say nothing themselves. Not for the owner of a server without
  /// accounts.
  store::Limits account_defaults = {{}, {}, 64, {}, {}};
  int max_requests = 576;  // to models, of all callers: running and waiting; beyond it 503
  store::PasswordCost password_cost;
  size_t max_waiting_logins = 64;
  LoginThrottleSettings login_throttle;
  int64_t answers_kept_hours = 24;         // for their Idempotency-Key
  size_t max_kept_answer_bytes = 1 << 20;  // longer answers are not kept
  int64_t responses_kept_days = 30;
  int watch_ms = 200;  // how soon a revoked key ends what it started
};

/// Thread-safe. Outlives every ticket.
class Gate {
 public:
  Gate(GateSettings settings, store::Store& store, std::function<int64_t()> now_ms,
       std::function<void(const std::string&)> log);
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  const GateSettings& settings() const { return settings_; }
  store::Store& store() { return store_; }
  Authenticator& authenticator() { return authenticator_; }
  LoginThrottle& throttle() { return throttle_; }
  Background& background() { return background_; }
  int64_t now_ms() const { return now_ms_(); }

  /// Lets a request to a model in. Quick: nothing that computes is waited for. Errors:
  /// server_busy, and those of Limiter::Enter.
  ApiResult<std::shared_ptr<Ticket>> Admit(const Caller& caller, std::string route);
  /// Of tickets: requests that are running or waiting.
  int requests() const;
  /// Looks now for rights that ended, instead of within watch_ms.
  void Watch();

 private:
  friend class Ticket;
  /// Gives the places back and subtracts the tokens.
  void Release(const Ticket& ticket, int64_t tokens);
  void Leave(Ticket& ticket);
  void Loop();
  void EndTickets();
  void Tidy();
  std::vector<LimitedParty> PartiesOf(const Caller& caller) const;

  const GateSettings settings_;
  store::Store& store_;
  const std::function<int64_t()> now_ms_;
  const std::function<void(const std::string&)> log_;
  Authenticator authenticator_;
  Limiter limiter_;
  LoginThrottle throttle_;
  Background background_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<const Ticket*, std::weak_ptr<Ticket>> tickets_;
  int requests_ = 0;
  int64_t access_version_ = -1;  // under watch_mutex_
  bool look_again_ = false;      // likewise
  bool stopping_ = false;
  std::mutex watch_mutex_;
  std::thread thread_;
};

}  // namespace dure::api
