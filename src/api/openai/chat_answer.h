// The two ways a chat completion reaches its client: as one JSON document, or as a stream of
// events.
#pragma once

#include <cstddef>
#include <memory>

#include "api/completion_answer.h"
#include "api/openai/chat_json.h"

namespace dure::api {

struct AnswerSettings {
  CompletionIdentity identity;
  int choices = 1;
  bool with_logprobs = false;
  bool with_tools = false;         // the answer may hold calls
  bool functions = false;          // which go by their older name
  bool include_usage = false;      // streams
  size_t max_coalesced_bytes = 0;  // streams
  std::shared_ptr<Ticket> ticket;  // held to the end
};

std::shared_ptr<CompletionAnswer> MakeChatAnswer(std::shared_ptr<net::ResponseWriter> writer,
                                                 bool stream, AnswerSettings settings);

}  // namespace dure::api
