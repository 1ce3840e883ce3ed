#include "api/access/call_writer.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace dure::api {

namespace {

using net::Headers;
using net::Response;
using net::WriteResult;

void AddFields(const Headers& fields, Headers& into) {
  for (const auto& [name, value] : fields.fields()) {
    if (!into.Has(name)) into.Add(name, value);
  }
}

/// The code of an error's body; "" of any other.
std::string ErrorCodeOf(const Response& response) {
  if (response.status < 400) return "";
  const auto json = nlohmann::json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("error")) return "error";
  const auto& error = json["error"];
  return error.is_object() ? error.value("code", std::string("error")) : "error";
}

class CallWriter : public net::ResponseWriter {
 public:
  CallWriter(std::shared_ptr<net::ResponseWriter> inner, AnswerExtras extras,
             std::shared_ptr<Ticket> ticket, std::shared_ptr<AnswerRecorder> recorder)
      : inner_(std::move(inner)),
        extras_(std::move(extras)),
        ticket_(std::move(ticket)),
        recorder_(std::move(recorder)) {}

  void Send(Response response) override {
    if (recorder_) recorder_->Whole(response);
    const std::string error = ErrorCodeOf(response);
    if (ticket_) ticket_->SetOutcome(response.status, error);
    if (error == "server_busy") extras_.on_busy(response);
    extras_.metered->Answered(response.status);
    AddFields(extras_.fields, response.headers);
    inner_->Send(std::move(response));
  }
  void StartStream(int status, Headers headers) override {
    if (recorder_) recorder_->Begin(status, headers);
    if (ticket_) ticket_->SetOutcome(status, "");
    extras_.metered->Answered(status);
    AddFields(extras_.fields, headers);
    inner_->StartStream(status, std::move(headers));
  }
  WriteResult Write(std::string_view bytes) override {
    const WriteResult result = inner_->Write(bytes);
    if (recorder_ && result == WriteResult::kAccepted) recorder_->Append(bytes);
    return result;
  }
  void Finish() override {
    if (recorder_) recorder_->End(!ticket_ || !ticket_->failed());
    inner_->Finish();
  }
  void Abort() override {
    if (recorder_) recorder_->End(false);
    inner_->Abort();
  }
  void OnClientGone(std::function<void()> callback) override {
    inner_->OnClientGone(std::move(callback));
  }
  void OnWritable(std::function<void()> callback) override {
    inner_->OnWritable(std::move(callback));
  }

 private:
  const std::shared_ptr<net::ResponseWriter> inner_;
  const AnswerExtras extras_;
  const std::shared_ptr<Ticket> ticket_;
  const std::shared_ptr<AnswerRecorder> recorder_;
};

}  // namespace

AnswerRecorder::AnswerRecorder(store::Answers& answers, store::AnswerKey key, size_t max_bytes)
    : answers_(answers), key_(std::move(key)), max_bytes_(max_bytes) {}

AnswerRecorder::~AnswerRecorder() {
  if (!done_) answers_.Forget(key_);
}

void AnswerRecorder::Keep(store::StoredAnswer answer) {
  if (std::exchange(done_, true)) return;
  if (answer.status < 400 && answer.body.size() <= max_bytes_) {
    answers_.Keep(key_, std::move(answer));
  } else {
    answers_.Forget(key_);
  }
}

void AnswerRecorder::Whole(const net::Response& response) {
  const std::lock_guard lock(mutex_);
  if (begun_) return;
  const std::string type(response.headers.Find("Content-Type").value_or(""));
  Keep({response.status, type, false, response.body.substr(0, max_bytes_ + 1)});
}

void AnswerRecorder::Begin(int status, const net::Headers& headers) {
  const std::lock_guard lock(mutex_);
  begun_ = true;
  answer_ = {status, std::string(headers.Find("Content-Type").value_or("")), true, ""};
}

void AnswerRecorder::Append(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (answer_.body.size() <= max_bytes_) answer_.body += bytes;
}

void AnswerRecorder::End(bool whole) {
  const std::lock_guard lock(mutex_);
  if (whole) return Keep(std::move(answer_));
  if (!std::exchange(done_, true)) answers_.Forget(key_);
}

std::shared_ptr<net::ResponseWriter> MakeCallWriter(std::shared_ptr<net::ResponseWriter> inner,
                                                    AnswerExtras extras,
                                                    std::shared_ptr<Ticket> ticket,
                                                    std::shared_ptr<AnswerRecorder> recorder) {
  return std::make_shared<CallWriter>(std::move(inner), std::move(extras), std::move(ticket),
                                      std::move(recorder));
}

}  // namespace dure::api
