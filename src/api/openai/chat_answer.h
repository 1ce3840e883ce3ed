// The two ways a chat completion reaches its client: as one JSON document, or as a stream of
// events.
#pragma once

#include <memory>

#include "api/openai/chunk_stream.h"

namespace dure::api {

std::shared_ptr<CompletionAnswer> MakeChatAnswer(std::shared_ptr<net::ResponseWriter> writer,
                                                 bool stream, AnswerSettings settings);

}  // namespace dure::api
