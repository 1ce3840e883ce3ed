#include "api/responses/response_run.h"

#include <utility>

#include "api/service.h"

namespace dure::api {

using providers::ChatUsage;

void ResponseRun::Begin() {
  Take([] {});
  std::shared_ptr<Ticket> ticket;
  {
    const std::lock_guard lock(mutex_);
    ticket = ticket_;
  }
  if (!ticket) return;
  ticket->OnEnded([weak = weak_from_this()](const ApiError& error) {
    if (const auto self = weak.lock()) self->Fail(error);
  });
}

void ResponseRun::Attach(std::shared_ptr<providers::Completion> completion) {
  bool unwanted = false;
  {
    const std::lock_guard lock(mutex_);
    completion_ = completion;
    unwanted = unwanted_;
  }
  if (unwanted) completion->Cancel();
}

void ResponseRun::StopCompletion() {
  std::shared_ptr<providers::Completion> completion;
  {
    const std::lock_guard lock(mutex_);
    unwanted_ = true;
    completion = completion_;
  }
  if (completion) completion->Cancel();
}

void ResponseRun::Take(const std::function<void()>& change) {
  bool keep = false;
  bool told = true;
  {
    const std::lock_guard lock(mutex_);
    change();
    told = Tell();
    if (!told && !events_.ended()) {
      failure_ = ApiError{"storage_unavailable", "the response's events could not be kept", ""};
      events_.Fail(*failure_, usage_);
    }
    keep = events_.ended() && !std::exchange(keeping_, true);
  }
  if (!told) StopCompletion();
  if (keep) Keep();
}

// Under the mutex, so that events are in the log in their order.
bool ResponseRun::Tell() {
  while (auto event = events_.Next()) {
    if (!settings_.log->Append(settings_.id, DumpJson(*event))) return false;
  }
  return true;
}

void ResponseRun::Keep() {
  settings_.log->Finish(settings_.id, {DumpJson(Response()), {}},
                        [self = shared_from_this()](const Result<void>&) {
                          std::function<void(const ApiError*)> callback;
                          std::optional<ApiError> failure;
                          {
                            const std::lock_guard lock(self->mutex_);
                            self->kept_ = true;
                            callback = std::exchange(self->kept_callback_, nullptr);
                            failure = self->failure_;
                          }
                          if (self->settings_.on_kept) self->settings_.on_kept();
                          if (callback) callback(failure ? &*failure : nullptr);
                        });
}

void ResponseRun::OnKept(std::function<void(const ApiError*)> callback) {
  std::optional<ApiError> failure;
  {
    const std::lock_guard lock(mutex_);
    if (!kept_) {
      kept_callback_ = std::move(callback);
      return;
    }
    failure = failure_;
  }
  callback(failure ? &*failure : nullptr);
}

void ResponseRun::Cancel() {
  Take([this] { events_.Cancel(); });
  StopCompletion();
}

void ResponseRun::Fail(const ApiError& error) {
  Take([&] {
    if (events_.ended()) return;
    failure_ = error;
    events_.Fail(error, usage_);
    if (ticket_) ticket_->SetOutcome(RowOf(error).status, error.code);
  });
  StopCompletion();
}

bool ResponseRun::ended() const {
  const std::lock_guard lock(mutex_);
  return events_.ended();
}

Json ResponseRun::Response() const {
  const std::lock_guard lock(mutex_);
  return events_.Response();
}

void ResponseRun::OnDelta(providers::ChatDelta delta) {
  Take([&] { events_.Add(std::move(delta)); });
}

void ResponseRun::OnChoiceEnd(int, const providers::ChoiceEnd& end) {
  Take([&] { events_.EndChoice(end); });
}

void ResponseRun::OnUsage(const ChatUsage& usage) {
  const std::lock_guard lock(mutex_);
  usage_ = usage;
  if (ticket_) {
    ticket_->SetUsage(usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens);
  }
}

void ResponseRun::OnEnd(const Result<ChatUsage>& usage) {
  if (usage) {
    Take([&] { events_.Complete(*usage); });
  } else {
    Fail(FromProviderError(usage.error()));
  }
  std::shared_ptr<Ticket> ticket;  // let go of outside the mutex
  const std::lock_guard lock(mutex_);
  ticket.swap(ticket_);
}

void ResponseRuns::Add(const std::string& id, std::shared_ptr<ResponseRun> run) {
  const std::lock_guard lock(mutex_);
  runs_[id] = std::move(run);
}

void ResponseRuns::Remove(const std::string& id) {
  std::shared_ptr<ResponseRun> dropped;  // not under the mutex
  const std::lock_guard lock(mutex_);
  const auto found = runs_.find(id);
  if (found == runs_.end()) return;
  dropped = std::move(found->second);
  runs_.erase(found);
}

std::shared_ptr<ResponseRun> ResponseRuns::Find(const std::string& account_id,
                                                const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = runs_.find(id);
  if (found == runs_.end() || found->second->account_id() != account_id) return nullptr;
  return found->second;
}

}  // namespace dure::api
