// Re-laid weights (layout.h) as bytes in registers. Included inside dure::numerics after
// integer_lanes_*.h; everything has internal linkage.
// NOLINTBEGIN(llvm-header-guard)

namespace {

// Codes are unpacked for one part of the lanes, whose bytes stand together in each step.
constexpr int kPartBytes = 64 / kParts;

/// The eight steps of one slice as unsigned codes. p: the slice, at the part's bytes of a step.
template <CodeKind kKind>
[[gnu::always_inline]] inline void Unpack(const uint8_t* p, const uint8_t* table, Ints* u) {
  constexpr bool kHasNibbles = kKind == CodeKind::kNibbles || kKind == CodeKind::kTable ||
                               kKind == CodeKind::kNibblesBits || kKind == CodeKind::kNibblesPairs;
  const auto for_steps = [](auto f) {
    [&]<int... kStep>(std::integer_sequence<int, kStep...>) {
      (f.template operator()<kStep>(), ...);
    }(std::make_integer_sequence<int, 8>());
  };
  if constexpr (kKind == CodeKind::kBytes) {
    for (int i = 0; i < 8; ++i) u[i] = LoadCodes(p + 64 * i);
  }
  if constexpr (kHasNibbles) {
    const Ints low4 = SetBytes(15);
    for (int i = 0; i < 4; ++i) {
      const Ints x = LoadCodes(p + 64 * i);
      u[i] = AndI(x, low4);
      u[i + 4] = AndI(ShiftRight<4>(x), low4);
    }
  }
  if constexpr (kKind == CodeKind::kTable) {
    for (int i = 0; i < 8; ++i) u[i] = LookUp(table, u[i]);
  }
  if constexpr (kKind == CodeKind::kNibblesBits) {
    const Ints bits = LoadCodes(p + 256);
    const Ints mask = SetBytes(16);
    for_steps([&]<int i>() { u[i] = Merge(u[i], ShiftRight<i - 4>(bits), mask); });
  }
  if constexpr (kKind == CodeKind::kNibblesPairs) {
    const Ints mask = SetBytes(0x30);
    for_steps([&]<int i>() {
      u[i] = Merge(u[i], ShiftRight<2 * (i % 4) - 4>(LoadCodes(p + 256 + 64 * (i / 4))), mask);
    });
  }
  if constexpr (kKind == CodeKind::kPairs || kKind == CodeKind::kPairsBits) {
    const Ints mask = SetBytes(3);
    for_steps(
        [&]<int i>() { u[i] = AndI(ShiftRight<2 * (i % 4)>(LoadCodes(p + 64 * (i / 4))), mask); });
  }
  if constexpr (kKind == CodeKind::kPairsBits) {
    const Ints bits = LoadCodes(p + 128);
    const Ints mask = SetBytes(4);
    for_steps([&]<int i>() { u[i] = Merge(u[i], ShiftRight<i - 2>(bits), mask); });
  }
}

}  // namespace
// NOLINTEND(llvm-header-guard)
