#include "api/app/answer_events.h"

#include <mutex>
#include <string>
#include <utility>

#include "net/sse.h"

namespace dure::api {

namespace {

using net::WriteResult;

/// Held by whoever will call it next: the generation (news) or the exchange (the client has read).
class Follower : public std::enable_shared_from_this<Follower> {
 public:
  Follower(std::shared_ptr<net::ResponseWriter> writer,
           std::shared_ptr<assistant::Generation> generation, int64_t after)
      : writer_(std::move(writer)), generation_(std::move(generation)), after_(after) {}

  void Pump() {
    const std::lock_guard lock(mutex_);
    for (;;) {
      bool closed = false;
      const auto events =
          generation_->Read(after_, closed, [self = shared_from_this()] { self->Pump(); });
      for (const assistant::GenerationEvent& event : events) {
        const WriteResult result =
            writer_->Write(net::SseEvent(event.data, event.type, std::to_string(event.id)));
        if (result == WriteResult::kGone) return;
        if (result == WriteResult::kFull) {
          return writer_->OnWritable([self = shared_from_this()] { self->Pump(); });
        }
        after_ = event.id;
      }
      if (closed) return writer_->Finish();
      if (events.empty()) return;
    }
  }

 private:
  std::recursive_mutex mutex_;  // the exchange may call back at once
  const std::shared_ptr<net::ResponseWriter> writer_;
  const std::shared_ptr<assistant::Generation> generation_;
  int64_t after_;
};

}  // namespace

void FollowAnswer(std::shared_ptr<net::ResponseWriter> writer,
                  std::shared_ptr<assistant::Generation> generation, int64_t after) {
  writer->StartStream(200, net::SseHeaders());
  std::make_shared<Follower>(std::move(writer), std::move(generation), after)->Pump();
}

}  // namespace dure::api
