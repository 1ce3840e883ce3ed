#include "api/access/ticket.h"

#include <utility>

#include "api/access/gate.h"

namespace dure::api {

Ticket::Ticket(Gate& gate, Caller caller, std::vector<LimitedParty> parties, RateState rate,
               std::string route, int64_t now_ms)
    : gate_(gate),
      caller_(std::move(caller)),
      parties_(std::move(parties)),
      rate_(std::move(rate)),
      begun_ms_(now_ms) {
  row_.account_id = caller_.account_id;
  row_.key_id = caller_.key_id;
  row_.route = std::move(route);
}

Ticket::~Ticket() {
  if (!told_) {
    row_.status = 499;
    row_.error = "client_closed_request";
  }
  gate_.Leave(*this);
}

void Ticket::SetModel(std::string_view model, bool stream) {
  const std::lock_guard lock(mutex_);
  row_.model = model;
  row_.stream = stream;
}

void Ticket::SetUsage(int64_t prompt_tokens, int64_t cached_tokens, int64_t completion_tokens) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(released_, true)) return;
    row_.prompt_tokens = prompt_tokens;
    row_.cached_tokens = cached_tokens;
    row_.completion_tokens = completion_tokens;
  }
  gate_.Release(*this, prompt_tokens + completion_tokens);
}

void Ticket::SetOutcome(int status, std::string_view error_code) {
  const std::lock_guard lock(mutex_);
  told_ = true;
  if (!row_.error.empty()) return;
  row_.status = status;
  row_.error = error_code;
}

bool Ticket::failed() const {
  const std::lock_guard lock(mutex_);
  return !row_.error.empty();
}

void Ticket::OnEnded(std::function<void(const ApiError&)> end) {
  std::optional<ApiError> ended;
  {
    const std::lock_guard lock(mutex_);
    ended = ended_;
    if (!ended) end_ = end;
  }
  if (ended) end(*ended);
}

void Ticket::End(const ApiError& error) {
  std::function<void(const ApiError&)> end;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    ended_ = error;
    end = std::exchange(end_, nullptr);
  }
  if (end) end(error);
}

}  // namespace dure::api
