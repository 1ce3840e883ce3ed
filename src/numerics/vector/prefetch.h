// Asking for weights before they are needed; included inside namespace dure::numerics once per
// instruction set. NOLINTBEGIN(llvm-header-guard)

namespace {

/// How far ahead, in bytes: what one row's product reads in the time memory takes to answer. Less
/// leaves the memory idle, more pushes out of the first-level cache what was not yet used.
constexpr int64_t kPrefetchAhead = 8192;

/// Asks for kBytes of weights, kPrefetchAhead after p. Hardware alone stops at page ends and falls
/// behind when several rows make the work per byte long. Past the matrix's end it does nothing.
template <int kBytes>
inline void PrefetchWeights(const uint8_t* p) {
  for (int i = 0; i < kBytes; i += 64) {
    _mm_prefetch(reinterpret_cast<const char*>(p + kPrefetchAhead + i), _MM_HINT_T0);
  }
}

}  // namespace
// NOLINTEND(llvm-header-guard)
