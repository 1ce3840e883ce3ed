// The two ways a continued text reaches its client: as one JSON document, or as a stream of events.
#pragma once

#include <memory>

#include "api/openai/chunk_stream.h"

namespace dure::api {

/// settings.choices: of all prompts together.
std::shared_ptr<CompletionAnswer> MakeTextAnswer(std::shared_ptr<net::ResponseWriter> writer,
                                                 bool stream, AnswerSettings settings);

/// What a provider's error is to a client that gave texts in `input` instead of a chat.
ApiError FromTextError(const Error& error, const char* input);

}  // namespace dure::api
