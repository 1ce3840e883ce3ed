// The two ways a chat completion reaches its client: as one JSON document, or as a stream of
// events.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/access/ticket.h"
#include "api/error_table.h"
#include "api/openai/chat_json.h"
#include "net/http.h"
#include "providers/provider.h"

namespace dure::api {

struct AnswerSettings {
  CompletionIdentity identity;
  int choices = 1;
  bool with_logprobs = false;
  bool include_usage = false;      // streams
  size_t max_coalesced_bytes = 0;  // streams
  std::shared_ptr<Ticket> ticket;  // held to the end
};

/// A sink that also stops its completion when the client has gone, or has no right to it any more.
class ChatAnswer : public providers::ChatSink, public std::enable_shared_from_this<ChatAnswer> {
 public:
  /// Before the completion starts: watches the client and its right to be here.
  void Watch();
  /// The completion that feeds this sink; cancelled at once if the client has gone meanwhile.
  void Attach(std::shared_ptr<providers::Completion> completion);
  /// The completion could not start: answers with its error.
  virtual void Reject(const ApiError& error) = 0;
  void OnUsage(const providers::ChatUsage& usage) override;

 protected:
  ChatAnswer(std::shared_ptr<net::ResponseWriter> writer, std::shared_ptr<Ticket> ticket)
      : writer_(std::move(writer)), ticket_(std::move(ticket)) {}
  /// Ends the answer with an error, in whatever way its client can still see it.
  virtual void Fail(const ApiError& error) = 0;
  /// The completion is accepted.
  virtual void OnStarted() {}
  /// Stops the completion: nobody listens any more.
  void CancelCompletion();

  const std::shared_ptr<net::ResponseWriter> writer_;
  const std::shared_ptr<Ticket> ticket_;

 private:
  std::mutex completion_mutex_;
  std::shared_ptr<providers::Completion> completion_;
  bool unwanted_ = false;
};

std::shared_ptr<ChatAnswer> MakeWholeAnswer(std::shared_ptr<net::ResponseWriter> writer,
                                            AnswerSettings settings);

/// While the client reads too slowly, deltas are joined into larger ones instead of waiting one by
/// one; other streams are never slowed. Beyond max_coalesced_bytes the connection is closed and the
/// completion cancelled.
std::shared_ptr<ChatAnswer> MakeStreamedAnswer(std::shared_ptr<net::ResponseWriter> writer,
                                               AnswerSettings settings);

}  // namespace dure::api
