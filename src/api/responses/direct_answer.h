// The answer to a request that asks for nothing to be kept: as one response, or as a stream of
// events.
#pragma once

#include <cstddef>
#include <memory>

#include "api/completion_answer.h"
#include "api/responses/response_events.h"

namespace dure::api {

std::shared_ptr<CompletionAnswer> MakeDirectAnswer(std::shared_ptr<net::ResponseWriter> writer,
                                                   bool stream, std::shared_ptr<Ticket> ticket,
                                                   ResponseEvents events,
                                                   size_t max_coalesced_bytes);

}  // namespace dure::api
