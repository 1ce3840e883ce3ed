#include "api/access/routes.h"

#include <algorithm>
#include <any>
#include <cmath>
#include <optional>
#include <utility>

#include "api/access/call_writer.h"
#include "api/access/gate.h"
#include "api/service.h"
#include "net/sse.h"
#include "store/secrets.h"

namespace dure::api {

namespace {

using WriterPtr = std::shared_ptr<net::ResponseWriter>;

constexpr size_t kMostIdempotencyKeyBytes = 255;
constexpr int64_t kHourMs = 3'600'000;

/// What the guard hands to the handler.
struct Passed {
  Caller caller;
  std::shared_ptr<Ticket> ticket;
  std::string request_id;
  std::shared_ptr<RequestMeter::Request> metered;
};

/// A route as its guard and its handler know it.
struct Known {
  Routes::Entry entry;
  std::string name;  // "POST /v1/chat/completions"
  std::shared_ptr<RequestMeter> meter;
  RequestMeter::Route& counts;
};

std::optional<ApiError> WhyNotIn(Gate& gate, const Routes::Entry& entry, const std::string& route,
                                 const net::Request& request, Passed& passed) {
  auto caller = gate.authenticator().Identify(request);
  if (caller) {
    passed.caller = std::move(*caller);
  } else if (entry.rule != Rule::kOpen) {
    return caller.error();
  }
  if (auto allowed = gate.authenticator().Check(passed.caller, entry.rule); !allowed) {
    return allowed.error();
  }
  if (!entry.metered) return std::nullopt;
  auto ticket = gate.Admit(passed.caller, route);
  if (!ticket) return ticket.error();
  passed.ticket = std::move(*ticket);
  return std::nullopt;
}

/// A busy server tells when it expects to be less so.
void SetRetryAfter(const Service& service, net::Response& response) {
  constexpr double kMostSeconds = 60;
  double wait_ms = 0;
  for (const auto& stats : service.provider->stats()) wait_ms = std::max(wait_ms, stats.wait_ms);
  const double seconds = std::clamp(std::ceil(wait_ms / 1000), 1.0, kMostSeconds);
  response.headers.Set("Retry-After", std::to_string(static_cast<int>(seconds)));
}

std::optional<net::Response> LetIn(const Service& service, const Known& route,
                                   net::Request& request) {
  auto passed = std::make_shared<Passed>();
  passed->request_id = "req_" + service.random_id();
  if (const auto why = WhyNotIn(*service.gate, route.entry, route.name, request, *passed)) {
    net::Response refusal = route.entry.render_error(*why);
    route.counts.Count(refusal.status);
    refusal.headers.Add("x-request-id", passed->request_id);
    if (why->code == "server_busy") SetRetryAfter(service, refusal);
    return refusal;
  }
  passed->metered = std::make_shared<RequestMeter::Request>(route.meter, route.counts);
  request.context = std::move(passed);
  return std::nullopt;
}

bool IsIdempotencyKey(std::string_view key) {
  if (key.empty() || key.size() > kMostIdempotencyKeyBytes) return false;
  for (const char c : key) {
    if (c < 0x20 || c > 0x7e) return false;
  }
  return true;
}

void Replay(const store::StoredAnswer& answer, net::ResponseWriter& writer) {
  net::Headers headers;
  if (answer.stream) headers = net::SseHeaders();
  headers.Set("Content-Type", answer.content_type);
  headers.Set("Idempotent-Replayed", "true");
  if (!answer.stream) return writer.Send({answer.status, std::move(headers), answer.body});
  writer.StartStream(answer.status, std::move(headers));
  writer.Write(answer.body);
  writer.Finish();
}

/// What records the answer that is now to be made; nothing when it was sent from here.
std::shared_ptr<AnswerRecorder> BeginIdempotent(Gate& gate, const Passed& passed,
                                                const std::string& route,
                                                const net::Request& request,
                                                net::ResponseWriter& writer,
                                                ErrorRenderer render_error) {
  using State = store::Answers::State;
  const auto refuse = [&](const ApiError& error) {
    writer.Send(render_error(error));
    return nullptr;
  };
  const std::string key(request.headers.Find("Idempotency-Key").value_or(""));
  if (!IsIdempotencyKey(key) || request.headers.Count("Idempotency-Key") > 1) {
    return refuse({"invalid_value", "Idempotency-Key must be one of 1 to 255 printable characters",
                   "Idempotency-Key"});
  }
  const store::AnswerKey id{passed.caller.account_id, route, key};
  const int64_t now = gate.now_ms();
  const auto found = gate.store().answers().Begin(
      id, store::HashToken(request.body), now, now - gate.settings().answers_kept_hours * kHourMs);
  if (!found) return refuse(FromStoreError(found.error()));
  switch (found->state) {
    case State::kNew:
      return std::make_shared<AnswerRecorder>(gate.store().answers(), id,
                                              gate.settings().max_kept_answer_bytes);
    case State::kKept:
      Replay(found->answer, writer);
      return nullptr;
    case State::kRunning:
      return refuse({"idempotency_key_in_use",
                     "a request with this Idempotency-Key is still being answered", ""});
    case State::kOther:
      break;
  }
  return refuse({"idempotency_key_reused",
                 "this Idempotency-Key came with another body before; use a new one", ""});
}

AnswerExtras ExtrasOf(const std::shared_ptr<const Service>& service, Passed& passed) {
  AnswerExtras extras;
  extras.metered = std::move(passed.metered);
  extras.fields.Add("x-request-id", passed.request_id);
  if (passed.ticket) AddRateHeaders(passed.ticket->rate(), extras.fields);
  extras.on_busy = [service](net::Response& response) { SetRetryAfter(*service, response); };
  return extras;
}

void Handle(const std::shared_ptr<const Service>& service, const Routes::Handler& handler,
            const Known& route, const net::Request& request, WriterPtr inner) {
  const Routes::Entry& entry = route.entry;
  const auto passed = std::any_cast<std::shared_ptr<Passed>>(request.context);
  AnswerExtras extras = ExtrasOf(service, *passed);
  std::shared_ptr<AnswerRecorder> recorder;
  // Somebody nobody knows has no place of their own where answers could be kept.
  if (entry.metered && passed->caller.known() && request.headers.Has("Idempotency-Key")) {
    const auto direct = MakeCallWriter(inner, extras, passed->ticket, nullptr);
    recorder =
        BeginIdempotent(*service->gate, *passed, route.name, request, *direct, entry.render_error);
    if (!recorder) return;
  }
  const auto writer =
      MakeCallWriter(std::move(inner), std::move(extras), passed->ticket, std::move(recorder));
  handler(*service, {request, passed->caller, writer, passed->ticket, passed->request_id,
                     entry.render_error});
}

}  // namespace

void Routes::Add(std::string_view method, std::string_view pattern, net::RunOn run_on, Rule rule,
                 Handler handler, ErrorRenderer render_error) {
  const bool on_worker = run_on == net::RunOn::kWorker;
  const bool metered = rule == Rule::kInference && method == "POST" && on_worker;
  const Entry entry{std::string(method), std::string(pattern), rule, metered, render_error};
  entries_.push_back(entry);
  const std::string name = entry.method + " " + entry.pattern;
  const Known route{entry, name, meter_, meter_->Add(name)};
  router_.Add(
      method, pattern, run_on,
      [service = service_, handler = std::move(handler), route](const net::Request& request,
                                                                WriterPtr writer) {
        Handle(service, handler, route, request, std::move(writer));
      },
      [service = service_, route](net::Request& request) {
        return LetIn(*service, route, request);
      });
}

void Routes::AddMissing(std::string_view method, std::string_view pattern,
                        ErrorRenderer render_error) {
  const auto refuse = [](const Service&, const Call& call) {
    call.Send(ApiError{
        "not_implemented",
        call.request.method + " " + call.request.target + " is not implemented here yet", ""});
  };
  Add(method, pattern, net::RunOn::kIoThread, Rule::kInference, refuse, render_error);
  entries_.back().missing = true;
}

const std::string& Routes::version() const { return service_->version; }

void Routes::SetFallback(net::Handler handler) {
  router_.SetFallback(net::RunOn::kIoThread, std::move(handler));
}

}  // namespace dure::api
