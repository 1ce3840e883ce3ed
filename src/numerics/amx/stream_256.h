// Products of types with blocks of 256. Sub-scale times code is split exactly into a high byte
// (signed) and a low byte (unsigned): sub-scale * code = 256 * high + low. So the tile unit sums
// all 256 products, and floats appear once a block. A block of 32 rows (or 16 at a ragged end) and
// 16 outputs takes four steps of 64 inputs, each with a product for either byte; meanwhile AVX-512
// scales the sums of the block before. |sum of high| <= 256 * 16 * 127 and |sum of low| <= 256 *
// 255 * 127, so 256 * high + low stays below 2^28. Included inside dure::numerics after tiles.h.
// NOLINTBEGIN(llvm-header-guard)

namespace {

struct Blocks256 {
  static constexpr int kDepth = 64;  // inputs a tile product sums
  static constexpr int64_t kPlaneBytes = 4096;

  // Activations of 16 rows: codes [4][16][64], scales [16], sums over sub-blocks as pairs of int16
  // [up to 8][16].
  // Weights of 16 outputs: low bytes [4][16][64], high bytes likewise, scales [16], minimums [16],
  // sub-minimums as pairs of int16 [up to 8][16].
  static constexpr int64_t kActivationBytes = kPlaneBytes + 64 + 512;
  static constexpr int64_t kWeightBytes = 2 * kPlaneBytes + 128 + 512;
  static constexpr int64_t kSlackBytes = 0;

  template <BlockType kType>
  static void PackActivations(const QuantizedRows* x, int64_t row, int64_t rows, int64_t tiles,
                              uint8_t* out);
  template <BlockType kType>
  static void UnpackWeights(const PackedView* w, int64_t group, uint8_t* out);
  template <BlockType kType>
  static void Run(const Pass& pass);
};

/// How many pairs of sub-blocks a type with minimums has; 0 for the others.
constexpr int MinimumPairs(const TypeLayout& layout) {
  return layout.has_min ? 128 / layout.sub : 0;
}

/// Two numbers of 16 bits in one of 32, the first in the lower half.
inline int32_t Pair(int32_t first, int32_t second) {
  return static_cast<int32_t>((static_cast<uint32_t>(first) & 0xffffu) |
                              static_cast<uint32_t>(second) << 16);
}

template <BlockType kType>
void Blocks256::PackActivations(const QuantizedRows* x, int64_t row, int64_t rows, int64_t tiles,
                                uint8_t* out) {
  constexpr TypeLayout kLayout = LayoutOf(kType);
  const int64_t blocks = x->cols / 256;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    for (int64_t b = 0; b < blocks; ++b, out += kActivationBytes) {
      auto* scales = reinterpret_cast<float*>(out + kPlaneBytes);
      auto* pairs = reinterpret_cast<int32_t*>(out + kPlaneBytes + 64);
      for (int t = 0; t < 16; ++t) {
        if (tile * 16 + t >= rows) {
          for (int k = 0; k < 4; ++k) {
            _mm512_store_si512(out + 1024 * k + 64 * t, _mm512_setzero_si512());
          }
          scales[t] = 0;
          for (int j = 0; j < MinimumPairs(kLayout); ++j) pairs[16 * j + t] = 0;
          continue;
        }
        const int64_t at = row + tile * 16 + t;
        const int8_t* codes = x->codes + at * x->cols + b * 256;
        for (int k = 0; k < 4; ++k) {
          _mm512_store_si512(out + 1024 * k + 64 * t, _mm512_loadu_si512(codes + 64 * k));
        }
        scales[t] = x->scales[at * blocks + b];
        const int32_t* sums = x->sums + (at * blocks + b) * 16;
        for (int j = 0; j < MinimumPairs(kLayout); ++j) {
          pairs[16 * j + t] = kLayout.sub == 16 ? Pair(sums[2 * j], sums[2 * j + 1])
                                                : Pair(sums[4 * j] + sums[4 * j + 1],
                                                       sums[4 * j + 2] + sums[4 * j + 3]);
        }
      }
    }
  }
}

/// Four codes a lane times the lane's sub-scale (int16 twice), into their two planes.
template <int kOffset>
inline void SplitStep(__m512i codes, __m512i sub_scales, uint8_t* low, uint8_t* high) {
  const __m512i low_bytes = _mm512_set1_epi16(0xff);
  const __m512i offset = _mm512_set1_epi16(kOffset);
  __m512i even = _mm512_and_si512(codes, low_bytes);
  __m512i odd = _mm512_srli_epi16(codes, 8);
  if constexpr (kOffset != 0) {
    even = _mm512_sub_epi16(even, offset);
    odd = _mm512_sub_epi16(odd, offset);
  }
  even = _mm512_mullo_epi16(even, sub_scales);
  odd = _mm512_mullo_epi16(odd, sub_scales);
  // Bits of the first operand where low_bytes has ones, else of the second.
  const auto select = [low_bytes](__m512i first, __m512i second) {
    return _mm512_ternarylogic_epi64(low_bytes, first, second, 0xca);
  };
  _mm512_store_si512(low, select(even, _mm512_slli_epi16(odd, 8)));
  _mm512_store_si512(high, select(_mm512_srli_epi16(even, 8), odd));
}

template <BlockType kType>
void Blocks256::UnpackWeights(const PackedView* w, int64_t group, uint8_t* out) {
  constexpr TypeLayout kLayout = LayoutOf(kType);
  constexpr int kSubs = 256 / kLayout.sub;
  constexpr int kBase = kLayout.has_min ? 64 : 32;
  const uint8_t* codes = w->data + group * w->group_bytes;
  const uint8_t* scales = codes + w->scales_offset;
  const auto sub_scales = [&](int sub) {
    const __m512i s = WidenSigned(scales + kBase + 16 * sub);
    return _mm512_or_si512(_mm512_and_si512(s, _mm512_set1_epi32(0xffff)),
                           _mm512_slli_epi32(s, 16));
  };
  for (int64_t b = 0; b < w->cols / 256; ++b) {
    for (int slice = 0; slice < 8; ++slice) {
      PrefetchWeights<SliceBytes(kLayout.kind)>(codes);
      __m512i u[8];
      Unpack<kLayout.kind>(codes, kLayout.table, u);
      const __m512i first = sub_scales(slice * kSubs / 8);
      const __m512i second = kLayout.sub == 16 ? sub_scales(2 * slice + 1) : first;
      for (int i = 0; i < 8; ++i) {
        uint8_t* low = out + 512 * slice + 64 * i;
        SplitStep<kLayout.offset>(u[i], i < 4 ? first : second, low, low + kPlaneBytes);
      }
      codes += SliceBytes(kLayout.kind);
    }
    const auto* halves = reinterpret_cast<const uint16_t*>(scales);
    auto* floats = reinterpret_cast<float*>(out + 2 * kPlaneBytes);
    Store(floats, LoadHalf(halves));
    if constexpr (kLayout.has_min) {
      Store(floats + 16, LoadHalf(halves + 16));
      const uint8_t* mins = scales + kBase + 16 * kSubs;
      for (int j = 0; j < MinimumPairs(kLayout); ++j) {
        const __m512i pair = _mm512_or_si512(
            WidenUnsigned(mins + 32 * j), _mm512_slli_epi32(WidenUnsigned(mins + 32 * j + 16), 16));
        _mm512_store_si512(floats + 32 + 16 * j, pair);
      }
    }
    scales += ScaleBytes(kLayout);
    out += kWeightBytes;
  }
}

/// One block of kTiles tiles and a group: its operands, and where its tile sums are stored.
struct Block256 {
  const uint8_t* activations;  // a second tile's are `tile_stride` further
  const uint8_t* weights;
  int64_t tile_stride;
  int32_t* sums;  // [4][16][16]: two tiles' low and high sums; or one tile's, of even steps and odd
};

/// Loads the operands of step kStep and adds its products. Four chains of sums hide the latency.
template <int kTiles, int kStep>
[[gnu::always_inline]] inline void MultiplyStep(const Block256& block) {
  constexpr int kFirst = kTiles == 1 && kStep % 2 == 1 ? 2 : 0;
  constexpr int kOperand = kTiles == 1 ? 4 + kStep % 2 : 4;
  TileLoad<kOperand>(block.activations + 1024 * kStep, 64);
  TileLoad<6>(block.weights + 1024 * kStep, 64);
  TileLoad<7>(block.weights + Blocks256::kPlaneBytes + 1024 * kStep, 64);
  TileDotUnsigned<kFirst, kOperand, 6>();
  TileDotSigned<kFirst + 1, kOperand, 7>();
  if constexpr (kTiles == 2) {
    TileLoad<5>(block.activations + block.tile_stride + 1024 * kStep, 64);
    TileDotUnsigned<2, 5, 6>();
    TileDotSigned<3, 5, 7>();
  }
}

/// Scales and minimums of the 16 outputs in one block.
template <BlockType kType>
struct Lanes256 {
  static constexpr int kPairs = MinimumPairs(LayoutOf(kType));
  __m512 scale;
  __m512 minimum;
  __m512i pairs[kPairs > 0 ? kPairs : 1];

  [[gnu::always_inline]] explicit Lanes256(const uint8_t* weights) {
    const uint8_t* at = weights + 2 * Blocks256::kPlaneBytes;
    scale = _mm512_load_ps(at);
    minimum = kPairs > 0 ? _mm512_load_ps(at + 64) : scale;
    for (int j = 0; j < kPairs; ++j) pairs[j] = _mm512_load_si512(at + 128 + 64 * j);
  }
};

/// acc[16 lanes] += a row's sums, scaled. row: its tile's scales and sums of codes, from its own
/// on.
template <BlockType kType>
[[gnu::always_inline]] inline void ScaleRow(__m512i low, __m512i high, const Lanes256<kType>& lanes,
                                            const uint8_t* row, float* acc) {
  const __m512 dot = _mm512_cvtepi32_ps(_mm512_add_epi32(low, _mm512_slli_epi32(high, 8)));
  const __m512 row_scale = _mm512_set1_ps(*reinterpret_cast<const float*>(row));
  __m512 a = _mm512_load_ps(acc);
  a = _mm512_fmadd_ps(dot, _mm512_mul_ps(lanes.scale, row_scale), a);
  constexpr int kPairs = Lanes256<kType>::kPairs;
  if constexpr (kPairs > 0) {
    const auto* pairs = reinterpret_cast<const int32_t*>(row + 64);
    __m512i minimum = _mm512_setzero_si512();
    for (int j = 0; j < kPairs; ++j) {
      minimum = _mm512_dpwssd_epi32(minimum, lanes.pairs[j], _mm512_set1_epi32(pairs[16 * j]));
    }
    a = _mm512_fmadd_ps(lanes.minimum, _mm512_mul_ps(row_scale, _mm512_cvtepi32_ps(minimum)), a);
  }
  _mm512_store_ps(acc, a);
}

/// The walk over [units of kTiles tiles][groups][blocks] of a pass, from its tile `first` on.
template <BlockType kType, int kTiles>
class Stream256 {
 public:
  Stream256(const Pass& pass, int64_t first, int64_t units)
      : pass_(pass), first_(first), units_(units) {}

  void Run() {
    const int64_t steps = units_ * pass_.groups * pass_.blocks;
    Block256 before = At(0);
    for (int64_t step = 0; step < steps; ++step) {
      const Block256 now = At(step);
      Multiply(now, before, step > 0);
      if (step > 0) Finish(step - 1);
      before = now;
    }
    Multiply(before, before, true);  // its products go nowhere
    Finish(steps - 1);
  }

 private:
  Block256 At(int64_t step) {
    const int64_t block = step % pass_.blocks;
    const int64_t unit = step / pass_.blocks % units_;
    const int64_t group = step / pass_.blocks / units_;
    const int64_t tile_stride = pass_.blocks * Blocks256::kActivationBytes;
    return {pass_.activations + (first_ + unit * kTiles) * tile_stride +
                block * Blocks256::kActivationBytes,
            pass_.weights + (group * pass_.blocks + block) * Blocks256::kWeightBytes, tile_stride,
            sums_[step % 2]};
  }

  /// The products of one block between the scaling of the block before it.
  void Multiply(const Block256& now, const Block256& before, bool scale) {
    TileZero<0>();
    TileZero<1>();
    TileZero<2>();
    TileZero<3>();
    MultiplyStep<kTiles, 0>(now);
    if (scale) ScaleQuarter<0>(before);
    MultiplyStep<kTiles, 1>(now);
    if (scale) ScaleQuarter<1>(before);
    MultiplyStep<kTiles, 2>(now);
    if (scale) ScaleQuarter<2>(before);
    MultiplyStep<kTiles, 3>(now);
    if (scale) ScaleQuarter<3>(before);
    TileStore<0>(now.sums);
    TileStore<1>(now.sums + 256);
    TileStore<2>(now.sums + 512);
    TileStore<3>(now.sums + 768);
  }

  template <int kQuarter>
  [[gnu::always_inline]] void ScaleQuarter(const Block256& before) {
    constexpr int kRows = 4 * kTiles;
    constexpr int kTile = kTiles == 2 ? kQuarter / 2 : 0;
    constexpr int kFirst = kRows * kQuarter % 16;
    const Lanes256<kType> lanes(before.weights);
    const int32_t* sums = before.sums + 512 * kTile + 16 * kFirst;
    const uint8_t* row =
        before.activations + kTile * before.tile_stride + Blocks256::kPlaneBytes + 4 * kFirst;
    float* acc = acc_ + 256 * kTile + 16 * kFirst;
    for (int i = 0; i < kRows; ++i, sums += 16, row += 4, acc += 16) {
      __m512i low = _mm512_load_si512(sums);
      __m512i high = _mm512_load_si512(sums + 256);
      if constexpr (kTiles == 1) {
        low = _mm512_add_epi32(low, _mm512_load_si512(sums + 512));
        high = _mm512_add_epi32(high, _mm512_load_si512(sums + 768));
      }
      ScaleRow<kType>(low, high, lanes, row, acc);
    }
  }

  /// After the last block of a unit: its rows are complete.
  void Finish(int64_t step) {
    if (step % pass_.blocks != pass_.blocks - 1) return;
    const int64_t unit = step / pass_.blocks % units_;
    const int64_t group = step / pass_.blocks / units_;
    for (int tile = 0; tile < kTiles; ++tile) {
      EmitTile(pass_, first_ + unit * kTiles + tile, group, acc_ + 256 * tile);
    }
    for (float& a : acc_) a = 0;
  }

  const Pass& pass_;
  const int64_t first_;
  const int64_t units_;
  alignas(64) int32_t sums_[2][4 * 256];
  alignas(64) float acc_[kTiles * 256] = {};  // [kTiles][16][16]
};

template <BlockType kType>
void Blocks256::Run(const Pass& pass) {
  static constexpr TileConfig kConfig = ConfigForDepth(kDepth);
  const ConfiguredTiles configured(kConfig);
  const int64_t pairs = pass.tiles / 2;
  if (pairs > 0) Stream256<kType, 2>(pass, 0, pairs).Run();
  if (pass.tiles % 2 != 0) Stream256<kType, 1>(pass, 2 * pairs, 1).Run();
}

}  // namespace
// NOLINTEND(llvm-header-guard)
