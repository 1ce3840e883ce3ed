#include "api/access/limiter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "api/access/authenticator.h"

namespace dure::api {

namespace {

constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kDayMs = 86'400'000;

/// 0 when there is no limit.
int64_t Value(const std::optional<int64_t>& limit) { return limit.value_or(0); }

int64_t MsUntil(double missing, int64_t limit) {
  return static_cast<int64_t>(
      std::ceil(missing * static_cast<double>(kMinuteMs) / static_cast<double>(limit)));
}

ApiError Exceeded(std::string_view code, const std::string& message, int64_t wait_ms) {
  ApiError error{code, message, ""};
  error.retry_after_seconds = static_cast<int>(std::max<int64_t>(1, (wait_ms + 999) / 1000));
  return error;
}

RateState::Left LeftIn(double level, int64_t limit) {
  const double missing = std::max(0.0, static_cast<double>(limit) - level);
  return {limit, std::max<int64_t>(0, static_cast<int64_t>(std::floor(level))),
          MsUntil(missing, limit)};
}

void KeepLower(std::optional<RateState::Left>& into, const RateState::Left& left) {
  if (!into || left.remaining < into->remaining) into = left;
}

}  // namespace

void Limiter::Bucket::Refill(int64_t limit, int64_t now_ms) {
  const auto passed = static_cast<double>(std::max<int64_t>(0, now_ms - at_ms));
  const auto capacity = static_cast<double>(limit);
  level = std::min(capacity, level + passed * capacity / static_cast<double>(kMinuteMs));
  at_ms = now_ms;
}

ApiResult<Limiter::State*> Limiter::Load(const LimitedParty& party, int64_t now_ms) {
  const auto [found, is_new] = states_.try_emplace(party.id);
  State& state = found->second;
  const int64_t day = now_ms / kDayMs;
  if (is_new) {
    store::UsageFilter filter = party.usage;
    filter.from_ms = now_ms - kMinuteMs;
    const bool minute =
        Value(party.limits.requests_per_minute) > 0 || Value(party.limits.tokens_per_minute) > 0;
    const auto last = minute ? usage_.Sum(filter) : store::UsageSum();
    filter.from_ms = day * kDayMs;
    const auto today =
        Value(party.limits.tokens_per_day) > 0 ? usage_.Sum(filter) : store::UsageSum();
    if (!last || !today) {
      states_.erase(found);
      return tl::unexpected(FromStoreError(last ? today.error() : last.error()));
    }
    state.requests = {static_cast<double>(Value(party.limits.requests_per_minute) - last->requests),
                      now_ms};
    state.tokens = {static_cast<double>(Value(party.limits.tokens_per_minute) -
                                        last->prompt_tokens - last->completion_tokens),
                    now_ms};
    state.day = day;
    state.day_tokens = today->prompt_tokens + today->completion_tokens;
  }
  if (state.day != day) {
    state.day = day;
    state.day_tokens = 0;
  }
  state.last_ms = now_ms;
  return &state;
}

std::optional<ApiError> Limiter::WhyNot(const LimitedParty& party, State& state, int64_t now_ms) {
  const int64_t parallel = Value(party.limits.parallel_requests);
  if (parallel > 0 && state.running >= parallel) {
    return Exceeded("rate_limit_exceeded",
                    fmt::format("the limit of {} requests at once is reached", parallel), 1000);
  }
  const int64_t daily = Value(party.limits.tokens_per_day);
  if (daily > 0 && state.day_tokens >= daily) {
    return Exceeded("insufficient_quota",
                    fmt::format("the limit of {} tokens a day is used up", daily),
                    (state.day + 1) * kDayMs - now_ms);
  }
  if (const int64_t limit = Value(party.limits.requests_per_minute); limit > 0) {
    state.requests.Refill(limit, now_ms);
    if (state.requests.level < 1) {
      return Exceeded("rate_limit_exceeded",
                      fmt::format("the limit of {} requests a minute is reached", limit),
                      MsUntil(1 - state.requests.level, limit));
    }
  }
  if (const int64_t limit = Value(party.limits.tokens_per_minute); limit > 0) {
    state.tokens.Refill(limit, now_ms);
    if (state.tokens.level < 1) {
      return Exceeded("rate_limit_exceeded",
                      fmt::format("the limit of {} tokens a minute is reached", limit),
                      MsUntil(1 - state.tokens.level, limit));
    }
  }
  return std::nullopt;
}

ApiResult<RateState> Limiter::Enter(const std::vector<LimitedParty>& parties, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  for (const LimitedParty& party : parties) {
    auto state = Load(party, now_ms);
    if (!state) return tl::unexpected(state.error());
    if (auto reason = WhyNot(party, **state, now_ms)) return tl::unexpected(std::move(*reason));
  }
  RateState left;
  for (const LimitedParty& party : parties) {
    State& state = states_.at(party.id);
    ++state.running;
    if (const int64_t limit = Value(party.limits.requests_per_minute); limit > 0) {
      state.requests.level -= 1;
      KeepLower(left.requests, LeftIn(state.requests.level, limit));
    }
    if (const int64_t limit = Value(party.limits.tokens_per_minute); limit > 0) {
      KeepLower(left.tokens, LeftIn(state.tokens.level, limit));
    }
  }
  return left;
}

void Limiter::Leave(const std::vector<LimitedParty>& parties, int64_t tokens, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  for (const LimitedParty& party : parties) {
    const auto found = states_.find(party.id);
    if (found == states_.end()) continue;
    State& state = found->second;
    --state.running;
    state.tokens.level -= static_cast<double>(tokens);
    if (state.day == now_ms / kDayMs) state.day_tokens += tokens;
    state.last_ms = now_ms;
  }
}

void Limiter::Tidy(int64_t now_ms) {
  // What comes back later is read from the usage again.
  const std::lock_guard lock(mutex_);
  std::erase_if(states_, [&](const auto& entry) {
    const State& state = entry.second;
    return state.running == 0 && now_ms - state.last_ms > 2 * kMinuteMs;
  });
}

std::string RateDuration(int64_t ms) {
  if (ms < 1000) return fmt::format("{}ms", ms);
  const int64_t minutes = ms / kMinuteMs;
  const std::string seconds = fmt::format("{:g}s", static_cast<double>(ms % kMinuteMs) / 1000);
  return minutes > 0 ? fmt::format("{}m{}", minutes, seconds) : seconds;
}

void AddRateHeaders(const RateState& state, net::Headers& headers) {
  const auto add = [&](const std::optional<RateState::Left>& left, const std::string& what) {
    if (!left) return;
    headers.Set("x-ratelimit-limit-" + what, std::to_string(left->limit));
    headers.Set("x-ratelimit-remaining-" + what, std::to_string(left->remaining));
    headers.Set("x-ratelimit-reset-" + what, RateDuration(left->reset_ms));
  };
  add(state.requests, "requests");
  add(state.tokens, "tokens");
}

}  // namespace dure::api
