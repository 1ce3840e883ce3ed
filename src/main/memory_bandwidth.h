// How fast this machine reads memory: the ceiling of decoding, which reads every weight for every
// token.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "base/thread_team.h"

namespace dure {

/// Bytes a second at which the team's threads together read a buffer of `bytes` from end to end;
/// the best of a few passes. Errors: kResourceExhausted when there is no memory for the buffer.
Result<double> MeasureReadBandwidth(uint64_t bytes, ThreadTeam& team);

}  // namespace dure
