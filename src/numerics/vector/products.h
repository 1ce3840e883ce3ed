// Products of quantised rows, written once for every width of register. Before this, the including
// file defines in dure::numerics' unnamed namespace
//   the lanes                          integer_lanes_256.h or integer_lanes_512.h
//   kMostRows32, kMostRows256, kPanelBytes
//   DotOffset(layout)                  what is to be subtracted from each code
//   DotSteps<kind, first, count, chains>  (u, codes, start): start + dot products of steps [first,
//                                      first + count) of u with a row's codes, best in so many
//                                      chains of additions
//   PairDot(sum, a, b)                 sum + products of int16 pairs, added in int32
// Everything has internal linkage. NOLINTBEGIN(llvm-header-guard)

namespace {

/// One group's weights, by block; a part is a register's share of the lanes.
template <BlockType kType>
struct GroupWeights {
  static constexpr TypeLayout kLayout = LayoutOf(kType);
  static constexpr int kPartLanes = 16 / kParts;
  static constexpr int kSlices = kLayout.block / 32;
  static constexpr int kSliceBytes = SliceBytes(kLayout.kind);
  static constexpr int kScaleBytes = ScaleBytes(kLayout);

  const uint8_t* codes;
  const uint8_t* scales;

  GroupWeights(const PackedView* w, int64_t group)
      : codes(w->data + group * w->group_bytes), scales(codes + w->scales_offset) {}

  /// Asks for as many later bytes as a slice of a block takes, scales included.
  [[gnu::always_inline]] void Prefetch(int64_t block, int slice) const {
    constexpr int kBytes = kSliceBytes + kScaleBytes / kSlices;
    PrefetchWeights<kBytes>(codes + (kSlices * block + slice) * kBytes);
  }
  [[gnu::always_inline]] void UnpackSlice(int64_t block, int slice, int part, Ints* u) const {
    Unpack<kLayout.kind>(codes + (kSlices * block + slice) * kSliceBytes + kPartBytes * part,
                         kLayout.table, u);
  }
  [[gnu::always_inline]] Floats Scale(int64_t block, int part) const {
    const uint8_t* at = scales + block * kScaleBytes;
    return kLayout.e8m0 ? LoadE8M0(at + kPartLanes * part)
                        : HalvesToFloats(at + 2 * kPartLanes * part);
  }
  [[gnu::always_inline]] Floats Minimum(int64_t block, int part) const {
    return HalvesToFloats(scales + block * kScaleBytes + 32 + 2 * kPartLanes * part);
  }
  /// Of a block of 256: 16 bytes for each sub-block; then, where there are any, as many
  /// sub-minimums.
  [[gnu::always_inline]] const uint8_t* SubScales(int64_t block, int part) const {
    return scales + block * kScaleBytes + (kLayout.has_min ? 64 : 32) + kPartLanes * part;
  }
};

template <int kOffset>
[[gnu::always_inline]] inline Ints Start(int32_t sum) {
  return kOffset != 0 ? SetI(-kOffset * sum) : ZeroI();
}

/// acc[row] += one block of 32.
template <BlockType kType, int kRows>
[[gnu::always_inline]] inline void AddBlock32(const GroupWeights<kType>& w, const QuantizedRows* x,
                                              int64_t row, int64_t blocks, int64_t b, int part,
                                              Floats* acc) {
  constexpr TypeLayout kLayout = LayoutOf(kType);
  constexpr int kOffset = DotOffset(kLayout);
  Ints u[8];
  if (part == 0) w.Prefetch(b, 0);  // the first part's loads bring in the others' lines
  w.UnpackSlice(b, 0, part, u);
  const Floats d = w.Scale(b, part);
  for (int t = 0; t < kRows; ++t) {
    const int64_t at = (row + t) * blocks + b;
    const Ints dot = DotSteps<kLayout.kind, 0, 8, 1>(u, x->codes + (row + t) * x->cols + b * 32,
                                                     Start<kOffset>(x->sums[at]));
    acc[t] = FmaF(ToFloats(dot), MulF(d, SetF(x->scales[at])), acc[t]);
    if constexpr (kLayout.has_min) {
      acc[t] = FmaF(w.Minimum(b, part), SetF(x->scaled_sums[at]), acc[t]);
    }
  }
}

/// total += sub-scale times dot product, for the sub-blocks of one slice.
template <BlockType kType>
[[gnu::always_inline]] inline Ints AddSlice(const Ints* u, const int8_t* codes, const int32_t* sums,
                                            const uint8_t* sub_scales, int slice, Ints total) {
  constexpr TypeLayout kLayout = LayoutOf(kType);
  constexpr int kOffset = DotOffset(kLayout);
  constexpr CodeKind kKind = kLayout.kind;
  if constexpr (kLayout.sub == 32) {
    const Ints dot =
        DotSteps<kKind, 0, 8, 2>(u, codes, Start<kOffset>(sums[2 * slice] + sums[2 * slice + 1]));
    return AddI(total, MulI(dot, WidenSigned(sub_scales + 16 * slice)));
  } else {
    const Ints first = DotSteps<kKind, 0, 4, 1>(u, codes, Start<kOffset>(sums[2 * slice]));
    const Ints second = DotSteps<kKind, 4, 4, 1>(u, codes, Start<kOffset>(sums[2 * slice + 1]));
    total = AddI(total, MulI(first, WidenSigned(sub_scales + 32 * slice)));
    return AddI(total, MulI(second, WidenSigned(sub_scales + 32 * slice + 16)));
  }
}

/// Sub-minimums for sums over 16 codes, as eight pairs of int16.
template <BlockType kType>
[[gnu::always_inline]] inline void PairMinimums(const uint8_t* sub_minimums, Ints* pairs) {
  for (int j = 0; j < 8; ++j) {
    const bool wide = LayoutOf(kType).sub == 32;  // both sums of a pair have one minimum
    const Ints first = WidenUnsigned(sub_minimums + (wide ? 16 * j : 32 * j));
    const Ints second = wide ? first : WidenUnsigned(sub_minimums + 32 * j + 16);
    pairs[j] = OrI(first, HighHalf(second));
  }
}

/// Sum over sub-blocks of sub-minimum times the sum of the row's codes.
[[gnu::always_inline]] inline Ints MinimumSum(const int32_t* sums, const Ints* pairs) {
  alignas(32) int16_t narrow[16];
  NarrowSums(sums, narrow);
  Ints even = ZeroI();
  Ints odd = ZeroI();
  for (int j = 0; j < 8; j += 2) {
    int32_t pair[2];
    __builtin_memcpy(pair, narrow + 2 * j, sizeof(pair));
    even = PairDot(even, pairs[j], SetI(pair[0]));
    odd = PairDot(odd, pairs[j + 1], SetI(pair[1]));
  }
  return AddI(even, odd);
}

/// acc[row] += one block of 256.
template <BlockType kType, int kRows>
[[gnu::always_inline]] inline void AddBlock256(const GroupWeights<kType>& w, const QuantizedRows* x,
                                               int64_t row, int64_t blocks, int64_t b, int part,
                                               Floats* acc) {
  constexpr TypeLayout kLayout = LayoutOf(kType);
  const uint8_t* sub_scales = w.SubScales(b, part);
  Ints total[kRows];
  for (int t = 0; t < kRows; ++t) total[t] = ZeroI();
  for (int slice = 0; slice < 8; ++slice) {
    if (part == 0) w.Prefetch(b, slice);
    Ints u[8];
    w.UnpackSlice(b, slice, part, u);
    for (int t = 0; t < kRows; ++t) {
      total[t] = AddSlice<kType>(u, x->codes + (row + t) * x->cols + b * 256 + slice * 32,
                                 x->sums + (row + t) * (x->cols / 16) + b * 16, sub_scales, slice,
                                 total[t]);
    }
  }
  const Floats d = w.Scale(b, part);
  for (int t = 0; t < kRows; ++t) {
    acc[t] = FmaF(ToFloats(total[t]), MulF(d, SetF(x->scales[(row + t) * blocks + b])), acc[t]);
  }
  if constexpr (kLayout.has_min) {
    Ints pairs[8];
    PairMinimums<kType>(sub_scales + 16 * (256 / kLayout.sub), pairs);
    const Floats m = w.Minimum(b, part);
    for (int t = 0; t < kRows; ++t) {
      const Ints minimum = MinimumSum(x->sums + (row + t) * (x->cols / 16) + b * 16, pairs);
      const Floats row_scale = SetF(x->scales[(row + t) * blocks + b]);
      acc[t] = FmaF(m, MulF(row_scale, ToFloats(minimum)), acc[t]);
    }
  }
}

/// sums[row] += one block.
template <BlockType kType, int kRows>
[[gnu::always_inline]] inline void AddBlock(const GroupWeights<kType>& w, const QuantizedRows* x,
                                            int64_t row, int64_t blocks, int64_t b, int part,
                                            Floats* sums) {
  if constexpr (LayoutOf(kType).block == 32) {
    AddBlock32<kType, kRows>(w, x, row, blocks, b, part, sums);
  } else {
    AddBlock256<kType, kRows>(w, x, row, blocks, b, part, sums);
  }
}

/// All blocks of one part.
template <BlockType kType, int kRows, int kPart>
[[gnu::always_inline]] inline void AddPart(const GroupWeights<kType>& w, const QuantizedRows* x,
                                           int64_t row, int64_t blocks, Floats* sums) {
  Floats acc[kRows];
  for (Floats& a : acc) a = ZeroF();
  for (int64_t b = 0; b < blocks; ++b) AddBlock<kType, kRows>(w, x, row, blocks, b, kPart, acc);
  for (int t = 0; t < kRows; ++t) sums[t] = acc[t];
}

/// All blocks, the parts of each together: few rows wait for memory, which is so read in one go.
template <BlockType kType, int kRows>
[[gnu::always_inline]] inline void AddParts(const GroupWeights<kType>& w, const QuantizedRows* x,
                                            int64_t row, int64_t blocks,
                                            Floats (&sums)[kParts][kRows]) {
  constexpr TypeLayout kLayout = LayoutOf(kType);
  for (auto& part : sums) {
    for (Floats& sum : part) sum = ZeroF();
  }
  int64_t b = 0;
  // Two short blocks in one round are 7 % faster; the order of additions stays.
  constexpr bool kTwo = kParts == 1 && kRows == 1 && kLayout.block == 32 && kLayout.has_min;
  for (; kTwo && b + 2 <= blocks; b += 2) {
    AddBlock<kType, kRows>(w, x, row, blocks, b, 0, sums[0]);
    AddBlock<kType, kRows>(w, x, row, blocks, b + 1, 0, sums[0]);
  }
  for (; b < blocks; ++b) {
    AddBlock<kType, kRows>(w, x, row, blocks, b, 0, sums[0]);
    if constexpr (kParts == 2) AddBlock<kType, kRows>(w, x, row, blocks, b, 1, sums[1]);
  }
}

/// kRows rows times one group.
template <BlockType kType, int kRows>
void Tile(const PackedView* w, const QuantizedRows* x, int64_t row, int64_t group,
          const ProductOut* out) {
  const GroupWeights<kType> weights(w, group);
  const int64_t blocks = w->cols / LayoutOf(kType).block;
  Floats sums[kParts][kRows];
  if constexpr (kRows <= 2) {
    AddParts<kType, kRows>(weights, x, row, blocks, sums);
  } else {
    AddPart<kType, kRows, 0>(weights, x, row, blocks, sums[0]);
    if constexpr (kParts == 2) AddPart<kType, kRows, 1>(weights, x, row, blocks, sums[1]);
  }
  for (int t = 0; t < kRows; ++t) {
    if constexpr (kParts == 1) {
      Emit(w, out, row + t, group, sums[0][t]);
    } else {
      Emit(w, out, row + t, group, Join(sums[0][t], sums[1][t]));
    }
  }
}

template <BlockType kType>
void MatMulOf(const PackedView* w, const QuantizedRows* x, int64_t row_begin, int64_t row_end,
              int64_t group_begin, int64_t group_end, const ProductOut* out) {
  constexpr int kMost = LayoutOf(kType).block == 32 ? kMostRows32 : kMostRows256;
  int64_t panel = kPanelBytes / w->cols / kMost * kMost;
  if (panel < kMost) panel = kMost;
  for (int64_t begin = row_begin; begin < row_end; begin += panel) {
    const int64_t end = begin + panel < row_end ? begin + panel : row_end;
    for (int64_t group = group_begin; group < group_end; ++group) {
      int64_t row = begin;
      for (; row + kMost <= end; row += kMost) Tile<kType, kMost>(w, x, row, group, out);
      for (; row + 4 <= end; row += 4) Tile<kType, 4>(w, x, row, group, out);
      for (; row + 2 <= end; row += 2) Tile<kType, 2>(w, x, row, group, out);
      if (row < end) Tile<kType, 1>(w, x, row, group, out);
    }
  }
}

#include "numerics/vector/matmul_switch.h"

}  // namespace
// NOLINTEND(llvm-header-guard)
