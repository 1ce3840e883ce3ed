// Whether a request can be run at all: everything Submit refuses.
#pragma once

#include "base/error.h"
#include "engine/engine.h"

namespace dure::engine {

/// Errors: kInvalidArgument (names the field and what is allowed), kContextLengthExceeded (with the
/// numbers).
Result<void> CheckRequest(const GenerateRequest& request, const RequestLimits& limits,
                          int vocab_size, int context_length);

}  // namespace dure::engine
