#include "api/app/conversations_json.h"

namespace dure::api {

namespace {

Json OrNull(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json Object(const std::string& text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_object() ? json : Json::object();
}

Json PartsJson(const std::vector<store::TextPart>& parts) {
  Json out = Json::array();
  for (const store::TextPart& part : parts) {
    out.push_back({{"text", part.text}, {"match", part.match}});
  }
  return out;
}

}  // namespace

Json ConversationJson(const store::Conversation& conversation, const assistant::Answers& answers) {
  Json answering = Json::array();
  if (answers.Find(conversation.active_leaf)) answering.push_back(conversation.active_leaf);
  return {{"id", conversation.id},
          {"title", conversation.title},
          {"project_id", nullptr},
          {"assistant_id", nullptr},
          {"model", conversation.model},
          {"instructions", conversation.instructions},
          {"sampling", Object(conversation.sampling)},
          {"pinned", conversation.pinned},
          {"archived", conversation.archived},
          {"active_leaf", OrNull(conversation.active_leaf)},
          {"messages", conversation.messages},
          {"answering", std::move(answering)},
          {"imported_from", OrNull(conversation.imported_from)},
          {"created_ms", conversation.created_ms},
          {"updated_ms", conversation.updated_ms}};
}

Json MessageJson(const store::Message& message, const assistant::Answers& answers) {
  const Json details = Object(message.details);
  const auto detail = [&](const char* name) {
    return details.contains(name) ? details[name] : Json();
  };
  Json out = {{"id", message.id},
              {"conversation_id", message.conversation_id},
              {"parent_id", OrNull(message.parent_id)},
              {"role", message.role},
              {"content", message.content},
              {"reasoning", message.reasoning},
              {"siblings", message.siblings},
              {"status", message.status},
              {"error", detail("error")},
              {"finish_reason", detail("finish_reason")},
              {"model", OrNull(message.model)},
              {"not_sent_until", detail("not_sent_until")},
              {"context", detail("context")},
              {"usage", detail("usage")},
              {"duration_ms", detail("duration_ms")},
              {"reasoning_ms", detail("reasoning_ms")},
              {"attachments", Json::array()},
              {"last_event", details.value("last_event", int64_t{0})},
              {"created_ms", message.created_ms}};
  if (message.status != "running") return out;
  if (const auto generation = answers.Find(message.id)) {
    const assistant::GenerationState state = generation->state();
    out["content"] = state.text;
    out["reasoning"] = state.reasoning;
    out["last_event"] = state.last_event;
  }
  return out;
}

Json HitJson(const store::SearchHit& hit, const assistant::Answers& answers) {
  return {{"conversation", ConversationJson(hit.conversation, answers)},
          {"message_id", OrNull(hit.message_id)},
          {"role", OrNull(hit.role)},
          {"created_ms", hit.created_ms},
          {"title", PartsJson(hit.title)},
          {"snippet", PartsJson(hit.snippet)}};
}

}  // namespace dure::api
