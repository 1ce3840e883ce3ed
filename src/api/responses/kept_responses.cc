#include "api/responses/kept_responses.h"

#include <algorithm>
#include <future>
#include <utility>

#include "api/access/authenticator.h"
#include "api/responses/items.h"
#include "api/responses/response_events.h"
#include "api/responses/response_run.h"
#include "api/service.h"

namespace dure::api {

namespace {

constexpr size_t kBatchBytes = 1 << 20;

ApiError NoSuchResponse(const std::string& id) {
  return {"not_found", "there is no response '" + id + "'", ""};
}

Json ParseKept(const std::string& text) {
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

Result<std::vector<Json>> ReadEvents(store::EventLog& log, const std::string& account_id,
                                     const std::string& id) {
  std::vector<Json> events;
  for (int64_t after = 0;;) {
    const auto batch = log.Read(account_id, id, after, kBatchBytes);
    if (!batch) return tl::unexpected(batch.error());
    for (const auto& event : batch->events) events.push_back(ParseKept(event.payload));
    if (batch->events.empty() || batch->finished) return events;
    after = batch->events.back().id;
  }
}

/// The response that a stream tells of, whatever state it is in.
ApiResult<Json> ResponseOf(store::EventLog& log, const store::StreamInfo& info) {
  Json response = ParseKept(info.result);
  if (info.finished && response.is_object()) return response;
  const auto events = ReadEvents(log, info.account_id, info.id);
  if (!events) return tl::unexpected(FromStoreError(events.error()));
  response = FoldEvents(*events);
  if (!response.is_object()) return tl::unexpected(NoSuchResponse(info.id));
  return response;
}

ApiError OfPrevious(ApiError error) {
  if (error.code == "not_found" || error.code == "conflict") error.param = "previous_response_id";
  return error;
}

/// The end of a response whose server was killed.
Result<void> EndCutOff(store::EventLog& log, const store::StreamInfo& info) {
  const auto events = ReadEvents(log, info.account_id, info.id);
  if (!events) return tl::unexpected(events.error());
  if (auto opened = log.Reopen(info.id); !opened) return opened;
  Json response = FoldEvents(*events);
  if (!response.is_object()) {
    // It had not begun: nobody has seen anything of it.
    const auto removed = log.Remove(info.account_id, info.id);
    return removed ? Result<void>() : tl::unexpected(removed.error());
  }
  response["status"] = "failed";
  response["error"] = {{"code", "server_error"},
                       {"message", "the server ended while this response was being made"}};
  const Json last = {{"type", "response.failed"},
                     {"sequence_number", info.last_event},  // ids count from 1, these from 0
                     {"response", response}};
  if (auto told = log.Append(info.id, DumpJson(last)); !told) return tl::unexpected(told.error());
  const auto promise = std::make_shared<std::promise<Result<void>>>();
  auto finished = promise->get_future();
  log.Finish(info.id, {DumpJson(response), {}},
             [promise](const Result<void>& result) { promise->set_value(result); });
  return finished.get();
}

}  // namespace

std::string ResponseHead(const Json& input, const std::string& previous_response_id) {
  return DumpJson({{"input", input}, {"previous_response_id", previous_response_id}});
}

ApiResult<KeptResponse> FindResponse(store::EventLog& log, const ResponseRuns& runs,
                                     const std::string& account_id, const std::string& id) {
  const auto run = runs.Find(account_id, id);  // before the store: it leaves after it is kept there
  const auto info = log.Find(account_id, id);
  if (!info) return tl::unexpected(FromStoreError(info.error()));
  if (!*info || (*info)->kind != kResponseKind) return tl::unexpected(NoSuchResponse(id));
  KeptResponse kept;
  if (run) {
    kept.response = run->Response();
  } else {
    auto response = ResponseOf(log, **info);
    if (!response) return tl::unexpected(response.error());
    kept.response = std::move(*response);
  }
  const Json head = ParseKept((*info)->head);
  if (head.is_object()) {
    kept.input = head.value("input", Json::array());
    kept.previous_response_id = head.value("previous_response_id", "");
  }
  return kept;
}

ApiResult<std::vector<providers::ChatMessage>> ContextOf(store::EventLog& log,
                                                         const ResponseRuns& runs,
                                                         const std::string& account_id,
                                                         const std::string& id, size_t most_items) {
  std::vector<KeptResponse> chain;  // newest first
  size_t items = 0;
  for (std::string next = id; !next.empty();) {
    auto kept = FindResponse(log, runs, account_id, next);
    if (!kept) return tl::unexpected(OfPrevious(kept.error()));
    const Json status = kept->response.value("status", Json());
    if (status == "queued" || status == "in_progress") {
      return tl::unexpected(
          OfPrevious({"conflict", "the response '" + next + "' is still being made", ""}));
    }
    items += kept->input.size() + kept->response["output"].size();
    if (items > most_items) {
      return Refuse("invalid_value",
                    "the responses before hold more than " + std::to_string(most_items) + " items",
                    "previous_response_id");
    }
    next = kept->previous_response_id;
    chain.push_back(std::move(*kept));
  }
  std::vector<providers::ChatMessage> messages;
  for (auto kept = chain.rbegin(); kept != chain.rend(); ++kept) {
    for (const Json& item : kept->input) AppendItem(item, messages);
    for (const Json& item : kept->response["output"]) AppendItem(item, messages);
  }
  return messages;
}

Result<void> EndCutOffResponses(store::Store& store) {
  for (;;) {
    const auto cut_off = store.events().CutOff(kResponseKind);
    if (!cut_off) return tl::unexpected(cut_off.error());
    if (cut_off->empty()) return {};
    for (const store::StreamInfo& info : *cut_off) {
      if (auto ended = EndCutOff(store.events(), info); !ended) return ended;
    }
  }
}

}  // namespace dure::api
