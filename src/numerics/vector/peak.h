// How fast this instruction set can go with its operands in registers: the ceiling that benchmarks
// are held against. Included after the lanes and DotSteps. NOLINTBEGIN(llvm-header-guard)

namespace {

/// Sums in flight: more than the latency of an instruction times those that start in a cycle, and
/// no more than registers hold.
constexpr int kPeakSums = kParts == 1 ? 10 : 5;

/// The compiler may not know what x holds.
template <typename T>
inline void Opaque(T& x) {
  asm volatile("" : "+m"(x));
}

int64_t IntegerPeak(int64_t rounds) {
  alignas(64) int8_t codes[32] = {1};
  Opaque(codes);
  Ints steps[8];
  for (Ints& step : steps) {
    step = SetI(1);
    Opaque(step);
  }
  Ints sums[kPeakSums];
  for (Ints& sum : sums) sum = ZeroI();
  for (int64_t i = 0; i < rounds; ++i) {
    for (Ints& sum : sums) sum = DotSteps<CodeKind::kNibbles, 0, 8, 1>(steps, codes, sum);
  }
  for (Ints& sum : sums) Opaque(sum);
  return rounds * kPeakSums * 32 * (kLanes / kParts);
}

int64_t FloatPeak(int64_t rounds) {
  V16 a = Set(0.5f);
  Opaque(a);
  V16 sums[kPeakSums];
  for (V16& sum : sums) sum = Zero();
  for (int64_t i = 0; i < rounds; ++i) {
    for (V16& sum : sums) sum = Fma(a, a, sum);
  }
  for (V16& sum : sums) Opaque(sum);
  return rounds * kPeakSums * kLanes;
}

}  // namespace
// NOLINTEND(llvm-header-guard)
