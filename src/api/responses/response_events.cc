#include "api/responses/response_events.h"

#include <utility>

#include "api/openai/chat_json.h"

namespace dure::api {

namespace {

using providers::FinishReason;

Json ResponseUsageJson(const providers::ChatUsage& usage) {
  return {
      {"input_tokens", usage.prompt_tokens},
      {"input_tokens_details", {{"cached_tokens", usage.cached_tokens}, {"cache_write_tokens", 0}}},
      {"output_tokens", usage.completion_tokens},
      {"output_tokens_details", {{"reasoning_tokens", 0}}},
      {"total_tokens", usage.prompt_tokens + usage.completion_tokens}};
}

/// The API has few codes for what can end a response.
const char* FailureCode(const ApiError& error) {
  const int status = RowOf(error).status;
  if (status == 429) return "rate_limit_exceeded";
  return status < 500 && status != 401 && status != 499 ? "invalid_prompt" : "server_error";
}

}  // namespace

ResponseEvents::Item& ResponseEvents::Open(Kind kind) {
  if (items_.empty() || items_.back().kind != kind) {
    Item item;
    item.kind = kind;
    item.id = (kind == Kind::kReasoning ? "rs_" : "msg_") + settings_.new_id();
    items_.push_back(std::move(item));
  }
  return items_.back();
}

void ResponseEvents::AddCall(providers::ToolCallDelta& piece) {
  const bool goes_on =
      !items_.empty() && items_.back().kind == Kind::kCall && items_.back().call == piece.index;
  if (!goes_on) {
    Item item;
    item.kind = Kind::kCall;
    item.id = "fc_" + settings_.new_id();
    item.call = piece.index;
    item.call_id = std::move(piece.id);
    item.name = std::move(piece.name);
    items_.push_back(std::move(item));
  }
  items_.back().text += piece.arguments;
}

void ResponseEvents::Add(providers::ChatDelta delta) {
  if (end_) return;
  if (!delta.reasoning.empty()) Open(Kind::kReasoning).text += delta.reasoning;
  if (!delta.text.empty() || !delta.tokens.empty()) {
    Item& item = Open(Kind::kMessage);
    item.text += delta.text;
    for (auto& token : delta.tokens) item.tokens.push_back(std::move(token));
  }
  for (auto& piece : delta.tool_calls) AddCall(piece);
}

void ResponseEvents::EndChoice(const providers::ChoiceEnd& end) {
  if (!end_) reason_ = end.reason;
}

void ResponseEvents::SetEnd(End end) {
  if (end_) return;
  end.at = settings_.unix_time();
  end_ = std::move(end);
}

void ResponseEvents::Complete(const providers::ChatUsage& usage) {
  if (end_) return;
  if (items_.empty()) (void)Open(Kind::kMessage);  // the model had nothing to say
  if (reason_ == FinishReason::kLength) {
    return SetEnd({"incomplete",
                   "response.incomplete",
                   nullptr,
                   {{"reason", "max_output_tokens"}},
                   ResponseUsageJson(usage)});
  }
  SetEnd({"completed", "response.completed", nullptr, nullptr, ResponseUsageJson(usage)});
}

void ResponseEvents::Fail(const ApiError& error, const providers::ChatUsage& usage) {
  SetEnd({"failed",
          "response.failed",
          {{"code", FailureCode(error)}, {"message", error.message}},
          nullptr,
          usage.prompt_tokens > 0 ? ResponseUsageJson(usage) : Json()});
}

void ResponseEvents::Cancel() {
  // The API has no event of its own for this.
  SetEnd({"cancelled", "response.incomplete", nullptr, nullptr, nullptr});
}

bool ResponseEvents::IsClosed(size_t index) const {
  return index + 1 < items_.size() || reason_.has_value() || end_.has_value();
}

const char* ResponseEvents::ItemStatus(size_t index) const {
  if (!IsClosed(index)) return "in_progress";
  if (index + 1 < items_.size() || reason_ == FinishReason::kStop ||
      reason_ == FinishReason::kToolCalls) {
    return "completed";
  }
  return "incomplete";
}

std::optional<Json> ResponseEvents::Next() {
  if (!std::exchange(created_told_, true)) {
    const char* status = settings_.background ? "queued" : "in_progress";
    return Event("response.created", {{"response", Shape(status, Json::array())}});
  }
  if (settings_.background && !std::exchange(queued_told_, true)) {
    return Event("response.queued", {{"response", Shape("queued", Json::array())}});
  }
  const bool begun = !settings_.background || !items_.empty() || reason_;
  if (begun && !std::exchange(progress_told_, true)) {
    return Event("response.in_progress", {{"response", Shape("in_progress", Json::array())}});
  }
  for (; cursor_ < items_.size(); ++cursor_) {
    if (auto event = ItemEvent(cursor_)) return event;
    if (!IsClosed(cursor_)) return std::nullopt;
  }
  if (!end_ || std::exchange(end_told_, true)) return std::nullopt;
  return Event(end_->event, {{"response", Response()}});
}

std::optional<Json> ResponseEvents::ItemEvent(size_t index) {
  Item& item = items_[index];
  const bool has_part = item.kind != Kind::kCall;
  const bool thinks = item.kind == Kind::kReasoning;
  switch (item.stage) {
    case Stage::kAdd:
      item.stage = has_part ? Stage::kAddPart : Stage::kText;
      return Event("response.output_item.added",
                   {{"output_index", index}, {"item", ItemJson(index, /*begun=*/true)}});
    case Stage::kAddPart:
      item.stage = Stage::kText;
      return PartEvent("response.content_part.added", item, index,
                       {{"part", PartJson(item, /*begun=*/true)}});
    case Stage::kText:
      if (item.text_sent < item.text.size() || item.tokens_sent < item.tokens.size()) {
        return DeltaEvent(item, index);
      }
      if (!IsClosed(index)) return std::nullopt;
      [[fallthrough]];
    case Stage::kTextDone:
      item.stage = has_part ? Stage::kPartDone : Stage::kItemDone;
      if (!has_part) {
        return Event("response.function_call_arguments.done", {{"item_id", item.id},
                                                               {"output_index", index},
                                                               {"name", item.name},
                                                               {"arguments", item.text}});
      }
      if (thinks) {
        return PartEvent("response.reasoning_text.done", item, index, {{"text", item.text}});
      }
      return PartEvent("response.output_text.done", item, index,
                       {{"text", item.text}, {"logprobs", TokensJson(item, 0)}});
    case Stage::kPartDone:
      item.stage = Stage::kItemDone;
      return PartEvent("response.content_part.done", item, index,
                       {{"part", PartJson(item, /*begun=*/false)}});
    case Stage::kItemDone:
      item.stage = Stage::kPast;
      return Event("response.output_item.done",
                   {{"output_index", index}, {"item", ItemJson(index, /*begun=*/false)}});
    case Stage::kPast:
      break;
  }
  return std::nullopt;
}

Json ResponseEvents::DeltaEvent(Item& item, size_t index) {
  const std::string delta = item.text.substr(item.text_sent);
  Json logprobs = TokensJson(item, item.tokens_sent);
  item.text_sent = item.text.size();
  item.tokens_sent = item.tokens.size();
  switch (item.kind) {
    case Kind::kCall:
      return Event("response.function_call_arguments.delta",
                   {{"item_id", item.id}, {"output_index", index}, {"delta", delta}});
    case Kind::kReasoning:
      return PartEvent("response.reasoning_text.delta", item, index, {{"delta", delta}});
    case Kind::kMessage:
      break;
  }
  return PartEvent("response.output_text.delta", item, index,
                   {{"delta", delta}, {"logprobs", std::move(logprobs)}});
}

Json ResponseEvents::Event(const char* type, Json members) {
  Json event = {{"type", type}, {"sequence_number", sequence_++}};
  event.update(members);
  return event;
}

Json ResponseEvents::PartEvent(const char* type, const Item& item, size_t index, Json members) {
  Json all = {{"item_id", item.id}, {"output_index", index}, {"content_index", 0}};
  all.update(members);
  return Event(type, std::move(all));
}

Json ResponseEvents::TokensJson(const Item& item, size_t from) const {
  if (!settings_.with_logprobs || from >= item.tokens.size()) return Json::array();
  const std::vector<providers::TokenInfo> tokens(
      item.tokens.begin() + static_cast<std::ptrdiff_t>(from), item.tokens.end());
  return LogprobsJson(tokens)["content"];
}

Json ResponseEvents::PartJson(const Item& item, bool begun) const {
  const std::string text = begun ? std::string() : item.text;
  if (item.kind == Kind::kReasoning) return {{"type", "reasoning_text"}, {"text", text}};
  return {{"type", "output_text"},
          {"annotations", Json::array()},
          {"logprobs", begun ? Json::array() : TokensJson(item, 0)},
          {"text", text}};
}

Json ResponseEvents::ItemJson(size_t index, bool begun) const {
  const Item& item = items_[index];
  const char* status = begun ? "in_progress" : ItemStatus(index);
  Json content = Json::array();
  if (!begun) content.push_back(PartJson(item, false));
  switch (item.kind) {
    case Kind::kCall:
      return {{"id", item.id},           {"type", "function_call"},
              {"status", status},        {"arguments", begun ? std::string() : item.text},
              {"call_id", item.call_id}, {"name", item.name}};
    case Kind::kReasoning:
      return {{"id", item.id},
              {"type", "reasoning"},
              {"status", status},
              {"summary", Json::array()},
              {"content", std::move(content)}};
    case Kind::kMessage:
      break;
  }
  return {{"id", item.id},
          {"type", "message"},
          {"status", status},
          {"role", "assistant"},
          {"content", std::move(content)}};
}

Json ResponseEvents::Shape(const char* status, Json output) const {
  Json response = {{"id", settings_.id},
                   {"object", "response"},
                   {"created_at", settings_.created_at},
                   {"status", status},
                   {"completed_at", nullptr},
                   {"error", nullptr},
                   {"incomplete_details", nullptr},
                   {"output", std::move(output)},
                   {"usage", nullptr}};
  response.update(settings_.echo);
  return response;
}

Json ResponseEvents::Response() const {
  Json output = Json::array();
  for (size_t i = 0; i < items_.size(); ++i) output.push_back(ItemJson(i, /*begun=*/false));
  if (!end_) {
    const bool queued = settings_.background && items_.empty() && !reason_;
    return Shape(queued ? "queued" : "in_progress", std::move(output));
  }
  Json response = Shape(end_->status, std::move(output));
  if (std::string_view(end_->status) == "completed") response["completed_at"] = end_->at;
  response["error"] = end_->error;
  response["incomplete_details"] = end_->incomplete_details;
  response["usage"] = end_->usage;
  return response;
}

}  // namespace dure::api
