// The events of an answer as a stream of server-sent events.
#pragma once

#include <cstdint>
#include <memory>

#include "assistant/generation.h"
#include "net/http.h"

namespace dure::api {

/// Writes what comes behind event `after`, as fast as the client reads, until the answer's end.
void FollowAnswer(std::shared_ptr<net::ResponseWriter> writer,
                  std::shared_ptr<assistant::Generation> generation, int64_t after);

}  // namespace dure::api
