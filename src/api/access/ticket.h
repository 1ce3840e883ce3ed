// One request to a model from its admission to its end: what it counts against, what it used, and
// how it is ended when its caller loses the right to it.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/access/caller.h"
#include "api/access/limiter.h"
#include "api/error_table.h"
#include "store/records.h"

namespace dure::api {

class Gate;

/// Made by Gate::Admit. Thread-safe. Letting go of the last reference writes the usage row, and
/// gives the places back where that has not happened; the gate outlives it.
class Ticket {
 public:
  ~Ticket();
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;

  const Caller& caller() const { return caller_; }
  const RateState& rate() const { return rate_; }

  void SetModel(std::string_view model, bool stream);
  /// The work is over and used this much. Gives the places back, too: whoever has read its answer
  /// can ask again. Called before the end of the answer is written; only the first call counts.
  void SetUsage(int64_t prompt_tokens, int64_t cached_tokens, int64_t completion_tokens);
  /// What the client was told. The first error stays.
  void SetOutcome(int status, std::string_view error_code);
  bool failed() const;

  /// Called once, from another thread, when the caller's key was revoked or its session has ended
  /// (at once if that has happened already): ends the answer with that error.
  void OnEnded(std::function<void(const ApiError&)> end);

 private:
  friend class Gate;
  Ticket(Gate& gate, Caller caller, std::vector<LimitedParty> parties, RateState rate,
         std::string route, int64_t now_ms);
  void End(const ApiError& error);

  Gate& gate_;
  const Caller caller_;
  const std::vector<LimitedParty> parties_;
  const RateState rate_;
  const int64_t begun_ms_;
  mutable std::mutex mutex_;
  store::UsageRow row_;
  bool told_ = false;      // the client was told something
  bool released_ = false;  // the places are given back
  std::optional<ApiError> ended_;
  std::function<void(const ApiError&)> end_;
};

}  // namespace dure::api
