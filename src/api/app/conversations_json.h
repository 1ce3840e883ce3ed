// Conversations and messages as JSON (docs/web-api.md).
#pragma once

#include <string>

#include "api/json_body.h"
#include "assistant/answers.h"
#include "store/conversations.h"

namespace dure::api {

Json ConversationJson(const store::Conversation& conversation, const assistant::Answers& answers);
/// A running answer as it stands now.
Json MessageJson(const store::Message& message, const assistant::Answers& answers);
Json HitJson(const store::SearchHit& hit, const assistant::Answers& answers);

}  // namespace dure::api
