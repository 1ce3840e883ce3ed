// Between a completion and its client: what answers of every shape have in common.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "api/access/ticket.h"
#include "api/error_table.h"
#include "net/http.h"
#include "providers/provider.h"

namespace dure::api {

/// An answer that stops the work for it when the client has gone, or has no right to it any more.
class WatchedAnswer : public std::enable_shared_from_this<WatchedAnswer> {
 public:
  virtual ~WatchedAnswer() = default;
  /// Before the work starts: watches the client and its right to be here.
  void Watch();
  /// The work this answer waits for; cancelled at once if the client has gone meanwhile.
  void Attach(std::shared_ptr<providers::Completion> completion);
  /// The work could not start: answers with its error.
  virtual void Reject(const ApiError& error) { writer_->Send(ErrorResponse(error)); }

 protected:
  WatchedAnswer(std::shared_ptr<net::ResponseWriter> writer, std::shared_ptr<Ticket> ticket)
      : writer_(std::move(writer)), ticket_(std::move(ticket)) {}
  /// Ends the answer with an error, in whatever way its client can still see it.
  virtual void Fail(const ApiError& error) { Reject(error); }
  /// The work is accepted.
  virtual void OnStarted() {}
  /// Stops the work: nobody listens any more.
  void CancelCompletion();

  const std::shared_ptr<net::ResponseWriter> writer_;
  const std::shared_ptr<Ticket> ticket_;

 private:
  std::mutex completion_mutex_;
  std::shared_ptr<providers::Completion> completion_;
  bool unwanted_ = false;
};

/// One that is made of what a completion writes.
class CompletionAnswer : public WatchedAnswer, public providers::ChatSink {
 public:
  void OnUsage(const providers::ChatUsage& usage) override;

 protected:
  using WatchedAnswer::WatchedAnswer;
};

/// An answer as server-sent events. While the client reads too slowly, news are kept by those who
/// make the events, to be joined into larger ones instead of waiting one by one; other streams are
/// never slowed. Beyond max_coalesced_bytes the connection is closed and the completion cancelled.
class StreamedAnswer : public CompletionAnswer {
 public:
  void OnEnd(const Result<providers::ChatUsage>& usage) override;

 protected:
  StreamedAnswer(std::shared_ptr<net::ResponseWriter> writer, std::shared_ptr<Ticket> ticket,
                 size_t max_coalesced_bytes)
      : CompletionAnswer(std::move(writer), std::move(ticket)),
        max_coalesced_bytes_(max_coalesced_bytes) {}

  /// Changes what is to be sent, under the lock that the Send functions are called with, and sends
  /// what can be sent. bytes: about what the change takes on the wire.
  template <typename Change>
  void Take(size_t bytes, Change change) {
    {
      const std::lock_guard lock(mutex_);
      coalesced_bytes_ += bytes;
      change();
    }
    Flush();
  }

  // Each is called one at a time, and again where it gave anything but kAccepted: remember what was
  // accepted, and go on after it.

  /// What has come since.
  virtual net::WriteResult SendNews() = 0;
  /// After all news, when the completion has ended well.
  virtual net::WriteResult SendLast(const providers::ChatUsage& usage) = 0;
  /// After all news, when it has not.
  virtual net::WriteResult SendError(const ApiError& error);

  void Fail(const ApiError& error) override;
  // The client sees at once that its request was accepted, however long the prompt takes.
  void OnStarted() override { Flush(); }

 private:
  void Flush();
  net::WriteResult SendAll();

  const size_t max_coalesced_bytes_;
  std::mutex mutex_;
  std::optional<ApiResult<providers::ChatUsage>> end_;
  size_t coalesced_bytes_ = 0;
  bool started_ = false;
  bool waiting_ = false;   // for the client to read
  bool finished_ = false;  // nothing more is written
};

/// About what log-probabilities take as JSON.
size_t TokensBytes(const std::vector<providers::TokenInfo>& tokens);

}  // namespace dure::api
