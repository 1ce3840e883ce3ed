// From events that were kept back to the response they tell of.
#include <string_view>
#include <utility>

#include "api/responses/response_events.h"

namespace dure::api {

namespace {

/// The item or part that an event is about; null where it does not fit what came before.
Json* ItemOf(const Json& event, Json& output) {
  const size_t index = event.value("output_index", size_t{0});
  return index < output.size() ? &output[index] : nullptr;
}

void AppendTo(Json& object, const char* member, const Json& event) {
  object[member] = object.value(member, "") + event.value("delta", "");
}

void Apply(const Json& event, Json& output) {
  const std::string type = event.value("type", "");
  if (type == "response.output_item.added") {
    output.push_back(event["item"]);
    return;
  }
  Json* item = ItemOf(event, output);
  if (item == nullptr) return;
  if (type == "response.output_item.done") {
    *item = event["item"];
  } else if (type == "response.content_part.added") {
    (*item)["content"].push_back(event["part"]);
  } else if (type == "response.function_call_arguments.delta") {
    AppendTo(*item, "arguments", event);
  } else if (type == "response.output_text.delta" || type == "response.reasoning_text.delta") {
    Json& content = (*item)["content"];
    if (!content.empty()) AppendTo(content.back(), "text", event);
  }
}

}  // namespace

Json FoldEvents(const std::vector<Json>& events) {
  if (events.empty() || !events.front().contains("response")) return nullptr;
  Json response = events.front()["response"];
  Json output = Json::array();
  for (const Json& event : events) Apply(event, output);
  for (Json& item : output) {
    if (item.value("status", "") == "in_progress") item["status"] = "incomplete";
  }
  response["output"] = std::move(output);
  return response;
}

}  // namespace dure::api
