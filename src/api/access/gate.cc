#include "api/access/gate.h"

#include <set>
#include <utility>

namespace dure::api {

namespace {

constexpr int64_t kTidyMs = 60'000;
constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;

template <typename T>
void Default(std::optional<T>& value, const std::optional<T>& standard) {
  if (!value) value = standard;
}

}  // namespace

Gate::Gate(GateSettings settings, store::Store& store, std::function<int64_t()> now_ms,
           std::function<void(const std::string&)> log)
    : settings_(std::move(settings)),
      store_(store),
      now_ms_(std::move(now_ms)),
      log_(std::move(log)),
      authenticator_(settings_.authentication, store_, now_ms_),
      limiter_(store_.usage()),
      throttle_(settings_.login_throttle),
      background_(settings_.max_waiting_logins, log_) {
  thread_ = std::thread([this] { Loop(); });
}

Gate::~Gate() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
  // What the store still has to tell may hold tickets.
  (void)store_.Flush();
}

std::vector<LimitedParty> Gate::PartiesOf(const Caller& caller) const {
  store::Limits limits = caller.account_limits;
  if (authenticator_.login_required()) {
    Default(limits.requests_per_minute, settings_.account_defaults.requests_per_minute);
    Default(limits.tokens_per_minute, settings_.account_defaults.tokens_per_minute);
    Default(limits.parallel_requests, settings_.account_defaults.parallel_requests);
    Default(limits.tokens_per_day, settings_.account_defaults.tokens_per_day);
  }
  std::vector<LimitedParty> parties = {
      {"account:" + caller.account_id, {caller.account_id, "", {}, {}}, std::move(limits)}};
  if (!caller.key_id.empty()) {
    parties.push_back({"key:" + caller.key_id, {"", caller.key_id, {}, {}}, caller.key_limits});
  }
  return parties;
}

ApiResult<std::shared_ptr<Ticket>> Gate::Admit(const Caller& caller, std::string route) {
  const int64_t now = now_ms_();
  {
    const std::lock_guard lock(mutex_);
    if (requests_ >= settings_.max_requests) {
      return Refuse("server_busy",
                    std::to_string(requests_) + " requests are running or waiting; try again later",
                    "");
    }
    ++requests_;
  }
  auto parties = PartiesOf(caller);
  auto rate = limiter_.Enter(parties, now);
  const std::lock_guard lock(mutex_);
  if (!rate) {
    --requests_;
    return tl::unexpected(rate.error());
  }
  const std::shared_ptr<Ticket> ticket(
      new Ticket(*this, caller, std::move(parties), std::move(*rate), std::move(route), now));
  tickets_.emplace(ticket.get(), ticket);
  return ticket;
}

void Gate::Release(const Ticket& ticket, int64_t tokens) {
  limiter_.Leave(ticket.parties_, tokens, now_ms_());
  const std::lock_guard lock(mutex_);
  --requests_;
}

void Gate::Leave(Ticket& ticket) {
  const int64_t now = now_ms_();
  store::UsageRow& row = ticket.row_;
  row.at_ms = now;
  row.duration_ms = now - ticket.begun_ms_;
  if (!ticket.released_) Release(ticket, row.prompt_tokens + row.completion_tokens);
  store_.usage().Append(std::move(row));
  const std::lock_guard lock(mutex_);
  tickets_.erase(&ticket);
}

int Gate::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void Gate::Loop() {
  int64_t tidied_ms = 0;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, std::chrono::milliseconds(settings_.watch_ms),
                     [&] { return stopping_; });
      if (stopping_) return;
    }
    Watch();
    if (now_ms_() - tidied_ms < kTidyMs) continue;
    tidied_ms = now_ms_();
    Tidy();
  }
}

void Gate::Watch() {
  const std::lock_guard one_at_a_time(watch_mutex_);
  const auto version = store_.access_version();
  const bool changed = version && *version != access_version_;
  // Once more the next time: a request that was identified before the change may have got its
  // ticket after this look.
  const bool look = std::exchange(look_again_, changed) || changed;
  if (changed) {
    access_version_ = *version;
    authenticator_.Refresh();
  }
  if (look) return EndTickets();
  bool any_expired = false;
  {
    const int64_t now = now_ms_();
    const std::lock_guard lock(mutex_);
    for (const auto& [key, weak] : tickets_) {
      any_expired = any_expired || key->caller().expires_ms.value_or(now + 1) <= now;
    }
  }
  if (any_expired) EndTickets();
}

void Gate::EndTickets() {
  std::vector<std::shared_ptr<Ticket>> live;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, weak] : tickets_) {
      if (auto ticket = weak.lock()) live.push_back(std::move(ticket));
    }
  }
  std::map<std::string, std::optional<ApiError>> asked;  // by key or session
  for (const auto& ticket : live) {
    const Caller& caller = ticket->caller();
    const std::string id = caller.key_id.empty() ? caller.session_id : caller.key_id;
    if (!asked.contains(id)) asked[id] = authenticator_.WhyEnded(caller);
    if (const auto& why = asked[id]) ticket->End(*why);
  }
}

void Gate::Tidy() {
  const int64_t now = now_ms_();
  limiter_.Tidy(now);
  auto done = store_.sessions().RemoveExpired(now);
  if (done) {
    done = store_.answers().RemoveBefore(now - settings_.answers_kept_hours * kHourMs);
  }
  if (done) {
    done = store_.events().RemoveBefore("response", now - settings_.responses_kept_days * kDayMs);
  }
  if (!done && log_) log_("tidying up failed: " + done.error().message);
}

}  // namespace dure::api
