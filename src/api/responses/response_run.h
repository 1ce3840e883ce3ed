// Responses that are kept: their events go to the log as they happen, whoever listens, and what
// came of them stays there.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "api/access/ticket.h"
#include "api/responses/response_events.h"
#include "providers/provider.h"
#include "store/events.h"

namespace dure::api {

/// What the event log calls the streams of responses.
inline constexpr char kResponseKind[] = "response";

/// One that is being made. Thread-safe.
class ResponseRun : public providers::ChatSink, public std::enable_shared_from_this<ResponseRun> {
 public:
  struct Settings {
    std::string id;
    std::string account_id;
    bool background = false;
    std::shared_ptr<Ticket> ticket;  // held until the completion has ended
    store::EventLog* log = nullptr;  // outlives it
    std::function<void()> on_kept;   // once its result is in the log, or never will be
  };
  ResponseRun(Settings settings, ResponseEvents events)
      : settings_(std::move(settings)), events_(std::move(events)), ticket_(settings_.ticket) {
    settings_.ticket.reset();
  }

  /// Tells the first events, and watches the caller's right to it.
  void Begin();
  void Attach(std::shared_ptr<providers::Completion> completion);
  /// Ends it as cancelled: by request, or because nobody waits for it.
  void Cancel();
  void Fail(const ApiError& error);

  bool background() const { return settings_.background; }
  const std::string& account_id() const { return settings_.account_id; }
  /// Cancelled, failed, complete or incomplete.
  bool ended() const;
  Json Response() const;
  /// Called once when it has ended and is kept, with the error that ended it or null, from any
  /// thread.
  void OnKept(std::function<void(const ApiError*)> callback);

  void OnDelta(providers::ChatDelta delta) override;
  void OnChoiceEnd(int choice, const providers::ChoiceEnd& end) override;
  void OnUsage(const providers::ChatUsage& usage) override;
  void OnEnd(const Result<providers::ChatUsage>& usage) override;

 private:
  /// Changes what has happened, and tells what follows from it.
  void Take(const std::function<void()>& change);
  bool Tell();
  void Keep();
  void StopCompletion();

  Settings settings_;  // does not change
  mutable std::mutex mutex_;
  ResponseEvents events_;
  std::shared_ptr<Ticket> ticket_;
  std::shared_ptr<providers::Completion> completion_;
  providers::ChatUsage usage_;
  std::optional<ApiError> failure_;
  std::function<void(const ApiError*)> kept_callback_;
  bool unwanted_ = false;
  bool keeping_ = false;
  bool kept_ = false;
};

/// Those that are being made, by id. Thread-safe.
class ResponseRuns {
 public:
  void Add(const std::string& id, std::shared_ptr<ResponseRun> run);
  void Remove(const std::string& id);
  /// Null where it is another account's.
  std::shared_ptr<ResponseRun> Find(const std::string& account_id, const std::string& id) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<ResponseRun>> runs_;
};

}  // namespace dure::api
