// Limits of accounts and keys: requests and tokens a minute, requests at once, tokens a day. A
// minute is a bucket that fills steadily, as OpenAI's; days begin at midnight UTC.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/error_table.h"
#include "net/http.h"
#include "store/records.h"
#include "store/usage.h"

namespace dure::api {

/// Whose limit, and which. Absent and 0 in `limits`: none.
struct LimitedParty {
  std::string id;  // "account:..." or "key:..."
  store::UsageFilter usage;
  store::Limits limits;
};

/// What is left after a request was let in.
struct RateState {
  struct Left {
    int64_t limit = 0;
    int64_t remaining = 0;
    int64_t reset_ms = 0;  // until it is full again
  };
  std::optional<Left> requests;  // of the party that has less left
  std::optional<Left> tokens;
};

/// Thread-safe.
class Limiter {
 public:
  /// Tokens of the day and of the last minute are read from `usage` when a party comes for the
  /// first time, so that a restart forgives nothing.
  explicit Limiter(store::UsageLog& usage) : usage_(usage) {}

  /// Counts a request against all parties, or against none. Errors: rate_limit_exceeded,
  /// insufficient_quota (with retry_after_seconds), storage_unavailable.
  ApiResult<RateState> Enter(const std::vector<LimitedParty>& parties, int64_t now_ms);
  /// `tokens`: what the request used. Once for each Enter.
  void Leave(const std::vector<LimitedParty>& parties, int64_t tokens, int64_t now_ms);
  /// Forgets parties that are as if they had never come.
  void Tidy(int64_t now_ms);

 private:
  struct Bucket {
    double level = 0;
    int64_t at_ms = 0;
    void Refill(int64_t limit, int64_t now_ms);
  };
  struct State {
    Bucket requests;
    Bucket tokens;
    int64_t running = 0;
    int64_t day = -1;
    int64_t day_tokens = 0;
    int64_t last_ms = 0;
  };

  ApiResult<State*> Load(const LimitedParty& party, int64_t now_ms);
  static std::optional<ApiError> WhyNot(const LimitedParty& party, State& state, int64_t now_ms);

  store::UsageLog& usage_;
  std::mutex mutex_;
  std::map<std::string, State> states_;
};

/// OpenAI's x-ratelimit-* fields.
void AddRateHeaders(const RateState& state, net::Headers& headers);
/// 61'500 -> "1m1.5s", 20 -> "20ms".
std::string RateDuration(int64_t ms);

}  // namespace dure::api
