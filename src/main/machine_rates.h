// How fast this machine can go at most: reading memory bounds decoding, which reads every weight
// for every token; multiply-adds bound prompts and many streams at once.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "base/thread_team.h"
#include "numerics/kernels.h"

namespace dure {

/// Bytes a second at which the team's threads together read a buffer of `bytes` from end to end;
/// the best of a few passes. Errors: kResourceExhausted when there is no memory for the buffer.
Result<double> MeasureReadBandwidth(uint64_t bytes, ThreadTeam& team);

/// Multiply-adds a second of all the team's threads together, with operands in registers; the best
/// of a few passes.
double MeasureIntegerRate(const numerics::Kernels& kernels, ThreadTeam& team);
double MeasureFloatRate(const numerics::Kernels& kernels, ThreadTeam& team);

}  // namespace dure
