#include "net/exchange.h"

#include <utility>

#include "net/response_head.h"

namespace dure::net {

namespace {

bool HasNoBody(int status) { return status == 204 || status == 304; }

class Writer : public ResponseWriter {
 public:
  explicit Writer(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
  ~Writer() override { exchange_->Abandon(); }
  void Send(Response response) override { exchange_->Send(std::move(response)); }
  void StartStream(int status, Headers headers) override {
    exchange_->StartStream(status, headers);
  }
  WriteResult Write(std::string_view bytes) override { return exchange_->Write(bytes); }
  void Finish() override { exchange_->Finish(); }
  void Abort() override { exchange_->Abort(); }
  void OnClientGone(std::function<void()> callback) override {
    exchange_->OnClientGone(std::move(callback));
  }
  void OnWritable(std::function<void()> callback) override {
    exchange_->OnWritable(std::move(callback));
  }

 private:
  std::shared_ptr<Exchange> exchange_;
};

}  // namespace

std::shared_ptr<ResponseWriter> MakeWriter(std::shared_ptr<Exchange> exchange) {
  return std::make_shared<Writer>(std::move(exchange));
}

// What the connection adds; Vary is joined, other fields of the handler's win.
Headers Exchange::WithExtra(const Headers& headers) const {
  Headers all = headers;
  for (const auto& [name, value] : settings_.extra_headers.fields()) {
    if (!headers.Has(name) || EqualsIgnoreCase(name, "Vary")) all.Add(name, value);
  }
  return all;
}

bool Exchange::DecideKeepAlive() {
  keep_alive_ = settings_.keep_alive && !settings_.draining();
  return keep_alive_;
}

void Exchange::Send(Response response) {
  Callbacks dropped;
  {
    const std::lock_guard lock(mutex_);
    if (phase_ != Phase::kWaiting) return;
    const Framing framing = HasNoBody(response.status) ? Framing::kNoBody : Framing::kLength;
    outgoing_ = RenderHead(response.status, WithExtra(response.headers), framing,
                           response.body.size(), DecideKeepAlive(), settings_.unix_time());
    if (framing == Framing::kLength && !settings_.head) outgoing_ += response.body;
    dropped = EndLocked();
  }
  settings_.wake();
}

void Exchange::StartStream(int status, const Headers& headers) {
  {
    const std::lock_guard lock(mutex_);
    if (phase_ != Phase::kWaiting) return;
    phase_ = Phase::kStreaming;
    chunked_ = settings_.http11;
    DecideKeepAlive();
    keep_alive_ = keep_alive_ && chunked_;
    outgoing_ =
        RenderHead(status, WithExtra(headers), chunked_ ? Framing::kChunked : Framing::kUntilClose,
                   0, keep_alive_, settings_.unix_time());
  }
  settings_.wake();
}

void Exchange::AppendBody(std::string_view bytes) {
  if (settings_.head || bytes.empty()) return;
  if (chunked_) {
    AppendChunk(bytes, outgoing_);
  } else {
    outgoing_.append(bytes);
  }
}

WriteResult Exchange::Write(std::string_view bytes) {
  bool full = false;
  {
    const std::lock_guard lock(mutex_);
    if (gone_ || phase_ != Phase::kStreaming) return WriteResult::kGone;
    const size_t waiting = outgoing_.size() + in_flight_;
    // A single piece above the limit is taken when nothing waits: it could never be written
    // otherwise.
    full = waiting > 0 && waiting + bytes.size() > settings_.max_outgoing_bytes;
    if (full && lagging_) return WriteResult::kFull;
    lagging_ = lagging_ || full;
    if (!full) AppendBody(bytes);
  }
  settings_.wake();
  return full ? WriteResult::kFull : WriteResult::kAccepted;
}

void Exchange::Finish() {
  Callbacks dropped;
  {
    const std::lock_guard lock(mutex_);
    if (phase_ != Phase::kStreaming) return;
    if (chunked_ && !settings_.head) outgoing_ += kLastChunk;
    dropped = EndLocked();
  }
  settings_.wake();
}

void Exchange::Abort() {
  Callbacks dropped;
  {
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::kDone) return;
    aborted_ = true;
    keep_alive_ = false;
    dropped = EndLocked();
  }
  settings_.wake();
}

Exchange::Callbacks Exchange::EndLocked() {
  phase_ = Phase::kDone;
  lagging_ = false;
  Callbacks callbacks = std::exchange(on_gone_, {});
  callbacks.push_back(std::exchange(on_writable_, nullptr));
  return callbacks;
}

void Exchange::Abandon() {
  bool nothing_sent = false;
  {
    const std::lock_guard lock(mutex_);
    nothing_sent = phase_ == Phase::kWaiting && !gone_;
  }
  if (nothing_sent) Send(settings_.render_error(500, "the server gave no answer to this request"));
  Abort();
}

void Exchange::OnClientGone(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::kDone) return;
    if (!gone_) {
      on_gone_.push_back(std::move(callback));
      return;
    }
  }
  callback();
}

void Exchange::OnWritable(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (phase_ != Phase::kStreaming || gone_) return;
    if (lagging_) {
      on_writable_ = std::move(callback);
      return;
    }
  }
  callback();
}

Exchange::Outgoing Exchange::Take() {
  const std::lock_guard lock(mutex_);
  Outgoing out;
  out.bytes = std::exchange(outgoing_, {});
  out.last = phase_ == Phase::kDone;
  in_flight_ += out.bytes.size();
  return out;
}

void Exchange::Written(size_t count) {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    in_flight_ -= count;
    if (lagging_ && outgoing_.size() + in_flight_ <= settings_.max_outgoing_bytes / 2) {
      lagging_ = false;
      callback = std::exchange(on_writable_, nullptr);
    }
  }
  if (callback) callback();
}

bool Exchange::lagging() const {
  const std::lock_guard lock(mutex_);
  return lagging_;
}

void Exchange::MarkGone() {
  Callbacks callbacks;
  std::function<void()> dropped;
  {
    const std::lock_guard lock(mutex_);
    if (gone_ || phase_ == Phase::kDone) return;
    gone_ = true;
    callbacks = std::exchange(on_gone_, {});
    dropped = std::exchange(on_writable_, nullptr);
  }
  for (const auto& callback : callbacks) callback();
}

bool Exchange::keep_alive() const {
  const std::lock_guard lock(mutex_);
  return keep_alive_;
}

bool Exchange::aborted() const {
  const std::lock_guard lock(mutex_);
  return aborted_;
}

}  // namespace dure::net
