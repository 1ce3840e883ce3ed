#include "api/responses/event_follower.h"

#include <utility>

#include "api/access/authenticator.h"
#include "api/service.h"
#include "net/sse.h"

namespace dure::api {

namespace {

using net::WriteResult;

constexpr size_t kBatchBytes = 32 << 10;

}  // namespace

std::string_view EventName(std::string_view payload) {
  constexpr std::string_view kFront = R"({"type":")";
  if (!payload.starts_with(kFront)) return "";
  payload.remove_prefix(kFront.size());
  return payload.substr(0, payload.find('"'));
}

ApiResult<void> EventFollower::Start(std::shared_ptr<net::ResponseWriter> writer,
                                     store::EventLog& log, Settings settings) {
  const std::shared_ptr<EventFollower> self(
      new EventFollower(std::move(writer), std::move(settings)));
  // The reader's wake keeps the follower; Stop lets go of the reader.
  auto reader = log.Follow(self->settings_.account_id, self->settings_.response_id,
                           self->settings_.after, [self] { self->Pump(); });
  if (!reader) return tl::unexpected(FromStoreError(reader.error()));
  self->reader_ = std::move(*reader);
  self->writer_->StartStream(200, net::SseHeaders());
  self->Watch();
  self->Pump();
  return {};
}

void EventFollower::Watch() {
  writer_->OnClientGone([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    if (self->settings_.on_client_gone) self->settings_.on_client_gone();
    self->Stop();
  });
  if (!settings_.ticket) return;
  settings_.ticket->OnEnded([weak = weak_from_this()](const ApiError& error) {
    if (const auto self = weak.lock()) self->EndWith(error);
  });
}

// One thread at a time sends; who comes meanwhile leaves word and goes.
void EventFollower::Pump() {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    if (std::exchange(pumping_, true)) {
      again_ = true;
      return;
    }
  }
  for (;;) {
    const Step step = SendSome();
    if (step == Step::kEnd) writer_->Finish();
    if (step == Step::kBroken) writer_->Abort();
    const std::lock_guard lock(mutex_);
    stopped_ = stopped_ || step == Step::kEnd || step == Step::kBroken;
    if (!stopped_ && (step == Step::kMore || std::exchange(again_, false))) continue;
    pumping_ = false;
    if (stopped_) break;
    return;
  }
  reader_.reset();
}

EventFollower::Step EventFollower::SendSome() {
  if (unsent_.empty()) {
    if (finished_) return Step::kEnd;
    auto batch = reader_->Next(kBatchBytes);
    if (!batch) return Step::kBroken;
    finished_ = batch->finished;
    for (auto& event : batch->events) unsent_.push_back(std::move(event.payload));
    if (unsent_.empty()) return finished_ ? Step::kEnd : Step::kWait;
  }
  const std::string& payload = unsent_.front();
  switch (writer_->Write(net::SseEvent(payload, EventName(payload), ""))) {
    case WriteResult::kAccepted:
      unsent_.pop_front();
      return Step::kMore;
    case WriteResult::kFull:
      // The writer keeps the follower until then: of a finished response nobody else does.
      writer_->OnWritable([self = shared_from_this()] { self->Pump(); });
      return Step::kWait;
    case WriteResult::kGone:
      break;
  }
  return Step::kBroken;
}

void EventFollower::Stop() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopped_, true) || pumping_) return;
  }
  reader_.reset();
}

void EventFollower::EndWith(const ApiError& error) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
  }
  const Json event = {
      {"type", "error"}, {"code", error.code}, {"message", error.message}, {"param", nullptr}};
  if (settings_.ticket) settings_.ticket->SetOutcome(RowOf(error).status, error.code);
  (void)writer_->Write(net::SseEvent(DumpJson(event), "error", ""));
  writer_->Finish();
  Stop();
}

}  // namespace dure::api
