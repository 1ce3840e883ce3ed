// A kept response's events on their way to a client: from the one it names on, stored and then
// live, at the client's pace.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "api/access/ticket.h"
#include "net/http.h"
#include "store/events.h"

namespace dure::api {

/// The name of an event of the API, without reading its whole JSON: "type" is its first member.
std::string_view EventName(std::string_view payload);

class EventFollower : public std::enable_shared_from_this<EventFollower> {
 public:
  struct Settings {
    std::string account_id;
    std::string response_id;
    int64_t after = 0;                     // id in the log; 0: from the beginning
    std::shared_ptr<Ticket> ticket;        // held to the end; may be null
    std::function<void()> on_client_gone;  // may be empty
  };

  /// Starts the stream. Errors: not_found, storage_unavailable; then nothing was sent.
  static ApiResult<void> Start(std::shared_ptr<net::ResponseWriter> writer, store::EventLog& log,
                               Settings settings);

 private:
  enum class Step { kMore, kWait, kEnd, kBroken };

  EventFollower(std::shared_ptr<net::ResponseWriter> writer, Settings settings)
      : writer_(std::move(writer)), settings_(std::move(settings)) {}

  void Watch();
  void Pump();
  Step SendSome();
  void Stop();
  void EndWith(const ApiError& error);

  const std::shared_ptr<net::ResponseWriter> writer_;
  const Settings settings_;
  std::unique_ptr<store::EventReader> reader_;  // of whoever pumps
  std::deque<std::string> unsent_;              // likewise
  bool finished_ = false;                       // likewise: nothing comes after unsent_
  std::mutex mutex_;
  bool pumping_ = false;
  bool again_ = false;
  bool stopped_ = false;
};

}  // namespace dure::api
