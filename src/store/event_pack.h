// Several events as one compressed blob: varint-framed (LEB128) pairs of the id's distance to the
// one before and the payload's length, each followed by the payload, in zlib's format (RFC 1950).
// Private to store/.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "store/events.h"

namespace dure::store {

/// ids ascending. Errors: kResourceExhausted (memory).
Result<std::string> PackEvents(std::span<const StreamEvent> events);

/// Errors: kCorrupt, kResourceExhausted (unpacks to more than most_bytes, or memory).
Result<std::vector<StreamEvent>> UnpackEvents(std::string_view data, size_t most_bytes);

}  // namespace dure::store
