// What every answer passes on its way out: fields it must carry, and who wants to know how it
// ended.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "api/access/request_meter.h"
#include "api/access/ticket.h"
#include "net/http.h"
#include "store/answers.h"

namespace dure::api {

/// Keeps an answer for its Idempotency-Key. Errors, answers that broke off and those longer than
/// max_bytes are forgotten: another try is answered anew.
class AnswerRecorder {
 public:
  AnswerRecorder(store::Answers& answers, store::AnswerKey key, size_t max_bytes);
  /// Forgets what has not come to its end.
  ~AnswerRecorder();
  AnswerRecorder(const AnswerRecorder&) = delete;
  AnswerRecorder& operator=(const AnswerRecorder&) = delete;

  void Whole(const net::Response& response);
  void Begin(int status, const net::Headers& headers);
  void Append(std::string_view bytes);
  /// whole: the stream ended as it should.
  void End(bool whole);

 private:
  void Keep(store::StoredAnswer answer);
  void Forget();

  store::Answers& answers_;
  const store::AnswerKey key_;
  const size_t max_bytes_;
  std::mutex mutex_;
  store::StoredAnswer answer_;
  bool begun_ = false;
  bool done_ = false;
};

/// What answers carry beside what their handlers say.
struct AnswerExtras {
  net::Headers fields;                             // of every answer
  std::function<void(net::Response&)> on_busy;     // changes an answer with the code server_busy
  std::shared_ptr<RequestMeter::Request> metered;  // told the status, held to the end
};

/// Wraps `inner`. ticket and recorder may be null.
std::shared_ptr<net::ResponseWriter> MakeCallWriter(std::shared_ptr<net::ResponseWriter> inner,
                                                    AnswerExtras extras,
                                                    std::shared_ptr<Ticket> ticket,
                                                    std::shared_ptr<AnswerRecorder> recorder);

}  // namespace dure::api
