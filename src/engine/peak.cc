#include "engine/peak.h"

#include <algorithm>
#include <array>
#include <bit>

namespace dure::engine {
namespace {

constexpr size_t kLanes = 16;

// Small enough that a second look at one chunk costs nothing, large enough that the first is
// straight-line code.
constexpr size_t kPeakChunk = 2048;

struct ChunkPeak {
  float value;
  bool finite;
};

ChunkPeak PeakOfChunk(const float* logits, size_t count) {
  std::array<float, kLanes> best;
  std::array<uint32_t, kLanes> broken{};
  best.fill(logits[0]);
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const float x = logits[i + lane];
      best[lane] = x > best[lane] ? x : best[lane];
      const uint32_t exponent = std::bit_cast<uint32_t>(x) & 0x7f800000u;
      broken[lane] |= exponent == 0x7f800000u ? ~0u : 0u;
    }
  }
  for (; i < count; ++i) {
    best[0] = std::max(best[0], logits[i]);
    broken[0] |= (std::bit_cast<uint32_t>(logits[i]) & 0x7f800000u) == 0x7f800000u ? ~0u : 0u;
  }
  ChunkPeak peak{best[0], true};
  for (size_t lane = 0; lane < kLanes; ++lane) {
    peak.value = std::max(peak.value, best[lane]);
    peak.finite = peak.finite && broken[lane] == 0;
  }
  return peak;
}

}  // namespace

Peak FindPeak(std::span<const float> logits) {
  Peak peak;
  size_t best_chunk = 0;
  for (size_t begin = 0; begin < logits.size(); begin += kPeakChunk) {
    const size_t count = std::min(kPeakChunk, logits.size() - begin);
    const ChunkPeak chunk = PeakOfChunk(logits.data() + begin, count);
    if (!chunk.finite) {
      peak.finite = false;
      return peak;
    }
    if (begin == 0 || chunk.value > peak.value) {
      peak.value = chunk.value;
      best_chunk = begin;
    }
  }
  const auto first = std::find(logits.begin() + best_chunk, logits.end(), peak.value);
  peak.id = static_cast<int32_t>(first - logits.begin());
  return peak;
}

}  // namespace dure::engine
