#include "api/responses/direct_answer.h"

#include <string>
#include <utility>

#include "api/responses/event_follower.h"
#include "api/service.h"
#include "net/sse.h"

namespace dure::api {

namespace {

using net::WriteResult;
using providers::ChatDelta;
using providers::ChatUsage;
using providers::ChoiceEnd;

class WholeResponse : public CompletionAnswer {
 public:
  WholeResponse(std::shared_ptr<net::ResponseWriter> writer, std::shared_ptr<Ticket> ticket,
                ResponseEvents events)
      : CompletionAnswer(std::move(writer), std::move(ticket)), events_(std::move(events)) {}

  void OnDelta(ChatDelta delta) override { events_.Add(std::move(delta)); }
  void OnChoiceEnd(int, const ChoiceEnd& end) override { events_.EndChoice(end); }
  void OnEnd(const Result<ChatUsage>& usage) override {
    if (!usage) return Reject(FromProviderError(usage.error()));
    events_.Complete(*usage);
    writer_->Send(JsonResponse(events_.Response()));
  }

 private:
  ResponseEvents events_;  // sink calls come one at a time
};

class StreamedResponse : public StreamedAnswer {
 public:
  StreamedResponse(std::shared_ptr<net::ResponseWriter> writer, std::shared_ptr<Ticket> ticket,
                   ResponseEvents events, size_t max_coalesced_bytes)
      : StreamedAnswer(std::move(writer), std::move(ticket), max_coalesced_bytes),
        events_(std::move(events)) {}

  void OnDelta(ChatDelta delta) override {
    size_t bytes = delta.text.size() + delta.reasoning.size() + TokensBytes(delta.tokens);
    for (const auto& piece : delta.tool_calls) bytes += piece.arguments.size();
    Take(bytes, [&] { events_.Add(std::move(delta)); });
  }
  void OnChoiceEnd(int, const ChoiceEnd& end) override {
    Take(0, [&] { events_.EndChoice(end); });
  }

 protected:
  WriteResult SendNews() override {
    for (;;) {
      if (unsent_.empty()) {
        const auto event = events_.Next();
        if (!event) return WriteResult::kAccepted;
        const std::string payload = DumpJson(*event);
        unsent_ = net::SseEvent(payload, EventName(payload), "");
      }
      const WriteResult result = writer_->Write(unsent_);
      if (result != WriteResult::kAccepted) return result;
      unsent_.clear();
    }
  }
  WriteResult SendLast(const ChatUsage& usage) override {
    events_.Complete(usage);
    return SendNews();
  }
  WriteResult SendError(const ApiError& error) override {
    events_.Fail(error, {});
    return SendNews();
  }

 private:
  ResponseEvents events_;
  std::string unsent_;  // made, but not taken yet
};

}  // namespace

std::shared_ptr<CompletionAnswer> MakeDirectAnswer(std::shared_ptr<net::ResponseWriter> writer,
                                                   bool stream, std::shared_ptr<Ticket> ticket,
                                                   ResponseEvents events,
                                                   size_t max_coalesced_bytes) {
  if (stream) {
    return std::make_shared<StreamedResponse>(std::move(writer), std::move(ticket),
                                              std::move(events), max_coalesced_bytes);
  }
  return std::make_shared<WholeResponse>(std::move(writer), std::move(ticket), std::move(events));
}

}  // namespace dure::api
