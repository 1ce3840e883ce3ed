// The two ways an answer of the Messages API reaches its client: as one message, or as a stream of
// events.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "api/completion_answer.h"

namespace dure::api {

struct MessagesAnswerSettings {
  std::string id;  // "msg_..."
  std::string model;
  int max_tokens = 0;
  size_t max_coalesced_bytes = 0;  // streams
  std::shared_ptr<Ticket> ticket;  // held to the end
};

std::shared_ptr<CompletionAnswer> MakeMessagesAnswer(std::shared_ptr<net::ResponseWriter> writer,
                                                     bool stream, MessagesAnswerSettings settings);

}  // namespace dure::api
