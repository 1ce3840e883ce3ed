// Products of types with blocks of 32. Each block of 16 rows and 16 outputs is one tile product
// over 32 inputs, whose exact sums are then scaled and added up in float32. The two halves belong
// to different units of the processor and are kept busy at once: while AVX-512 scales block i from
// a small ring of stored sums, the tile unit loads operands of block i + 7, multiplies those of
// block i + 6 and stores the sums of block i + 4. Included inside dure::numerics after tiles.h.
// NOLINTBEGIN(llvm-header-guard)

namespace {

struct Blocks32 {
  static constexpr int kDepth = 32;  // inputs a tile product sums

  // Activations of 16 rows: codes [16][32], scales [16], scaled sums [16].
  // Weights of 16 outputs: codes [8][64] less their offset, scales [16], minimums [16].
  static constexpr int64_t kCodeBytes = 512;
  static constexpr int64_t kActivationBytes = kCodeBytes + 128;
  static constexpr int64_t kWeightBytes = kActivationBytes;

  static constexpr int kLag = 6;   // steps from a tile product to its scaling
  static constexpr int kRing = 8;  // stored sums; a power of two, at least kLag
  // Operands are loaded that far past the last record; what is there does not matter.
  static constexpr int64_t kSlackBytes = (kLag + 6) * kWeightBytes;

  template <BlockType kType>
  static void PackActivations(const QuantizedRows* x, int64_t row, int64_t rows, int64_t tiles,
                              uint8_t* out);
  template <BlockType kType>
  static void UnpackWeights(const PackedView* w, int64_t group, uint8_t* out);
  template <BlockType kType>
  static void Run(const Pass& pass);
};

template <BlockType kType>
void Blocks32::PackActivations(const QuantizedRows* x, int64_t row, int64_t rows, int64_t tiles,
                               uint8_t* out) {
  const int64_t blocks = x->cols / 32;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    for (int64_t b = 0; b < blocks; ++b, out += kActivationBytes) {
      auto* scales = reinterpret_cast<float*>(out + kCodeBytes);
      for (int t = 0; t < 16; ++t) {
        const int64_t at = row + tile * 16 + t;
        const bool there = tile * 16 + t < rows;
        const auto* codes = reinterpret_cast<const __m256i*>(x->codes + at * x->cols + b * 32);
        _mm256_store_si256(reinterpret_cast<__m256i*>(out + 32 * t),
                           there ? _mm256_loadu_si256(codes) : _mm256_setzero_si256());
        scales[t] = there ? x->scales[at * blocks + b] : 0.0f;
        if constexpr (LayoutOf(kType).has_min) {
          scales[16 + t] = there ? x->scaled_sums[at * blocks + b] : 0.0f;
        }
      }
    }
  }
}

template <BlockType kType>
void Blocks32::UnpackWeights(const PackedView* w, int64_t group, uint8_t* out) {
  constexpr TypeLayout kLayout = LayoutOf(kType);
  const uint8_t* codes = w->data + group * w->group_bytes;
  const uint8_t* scales = codes + w->scales_offset;
  const __m512i offset = _mm512_set1_epi8(static_cast<char>(kLayout.offset));
  for (int64_t b = 0; b < w->cols / 32; ++b) {
    PrefetchWeights<SliceBytes(kLayout.kind)>(codes);
    __m512i u[8];
    Unpack<kLayout.kind>(codes, kLayout.table, u);
    for (int i = 0; i < 8; ++i) _mm512_store_si512(out + 64 * i, _mm512_sub_epi8(u[i], offset));
    const auto* halves = reinterpret_cast<const uint16_t*>(scales);
    auto* floats = reinterpret_cast<float*>(out + kCodeBytes);
    Store(floats, kLayout.e8m0 ? LoadE8M0(scales) : LoadHalf(halves));
    if constexpr (kLayout.has_min) Store(floats + 16, LoadHalf(halves + 16));
    codes += SliceBytes(kLayout.kind);
    scales += ScaleBytes(kLayout);
    out += kWeightBytes;
  }
}

/// Walks the records of a pass: blocks, then tiles, then groups. A cursor's address is never taken
/// outside inlined code, so that it stays in registers.
struct Cursor32 {
  const uint8_t* activations;
  const uint8_t* weights;
  const uint8_t* first_activations;
  int64_t blocks;
  int64_t tiles;
  int64_t block = 0;
  int64_t tile = 0;

  explicit Cursor32(const Pass& pass)
      : activations(pass.activations),
        weights(pass.weights),
        first_activations(pass.activations),
        blocks(pass.blocks),
        tiles(pass.tiles) {}

  /// True after the last block of a tile.
  [[gnu::always_inline]] bool Next() {
    activations += Blocks32::kActivationBytes;
    weights += Blocks32::kWeightBytes;
    if (++block < blocks) return false;
    block = 0;
    if (++tile < tiles) {
      weights -= blocks * Blocks32::kWeightBytes;
    } else {
      tile = 0;
      activations = first_activations;
    }
    return true;
  }
};

/// acc += the sums of one block, scaled.
template <bool kHasMin>
[[gnu::always_inline]] inline void ScaleBlock(const Cursor32& at, const int32_t* sums,
                                              __m512 (&acc)[16]) {
  const auto* row = reinterpret_cast<const float*>(at.activations + Blocks32::kCodeBytes);
  const auto* lane = reinterpret_cast<const float*>(at.weights + Blocks32::kCodeBytes);
  const __m512 scales = _mm512_load_ps(lane);
  [[maybe_unused]] const __m512 minimums = kHasMin ? _mm512_load_ps(lane + 16) : scales;
#pragma GCC unroll 16  // else GCC 12 keeps acc in memory
  for (int t = 0; t < 16; ++t) {
    const __m512 dot = _mm512_cvtepi32_ps(_mm512_load_si512(sums + 16 * t));
    acc[t] = _mm512_fmadd_ps(dot, _mm512_mul_ps(scales, _mm512_set1_ps(row[t])), acc[t]);
    if constexpr (kHasMin) {
      acc[t] = _mm512_fmadd_ps(minimums, _mm512_set1_ps(row[16 + t]), acc[t]);
    }
  }
}

/// Two sets of operand tiles take turns, and four of sums.
template <int kPhase>
[[gnu::always_inline]] inline void LoadOperands32(Cursor32& at) {
  TileLoad<4 + kPhase % 2>(at.activations, 32);
  TileLoad<6 + kPhase % 2>(at.weights, 64);
  at.Next();
}

template <bool kHasMin>
struct Stream32 {
  const Pass& pass;
  Cursor32 load;
  Cursor32 scale;
  uint64_t steps;
  int32_t* ring;         // [kRing][16][16]
  int64_t finished = 0;  // tiles

  /// kPhase = step % 4.
  template <int kPhase>
  [[gnu::always_inline]] void Step(uint64_t step, __m512 (&acc)[16]) {
    LoadOperands32<kPhase + 1>(load);
    TileZero<kPhase>();
    TileDotSigned<kPhase, 4 + kPhase % 2, 6 + kPhase % 2>();
    TileStore<(kPhase + 2) % 4>(ring + (step - 2) % Blocks32::kRing * 256);
    const uint64_t scaled = step - Blocks32::kLag;
    if (scaled >= steps) return;  // before the first and after the last
    ScaleBlock<kHasMin>(scale, ring + scaled % Blocks32::kRing * 256, acc);
    if (!scale.Next()) return;
    alignas(64) float sums[256];
#pragma GCC unroll 16
    for (int t = 0; t < 16; ++t) {
      _mm512_store_ps(sums + 16 * t, acc[t]);
      acc[t] = _mm512_setzero_ps();
    }
    EmitTile(pass, finished % pass.tiles, finished / pass.tiles, sums);
    ++finished;
  }
};

template <BlockType kType>
void Blocks32::Run(const Pass& pass) {
  static constexpr TileConfig kConfig = ConfigForDepth(kDepth);
  alignas(64) int32_t ring[kRing * 256];
  const auto steps = static_cast<uint64_t>(pass.tiles * pass.groups * pass.blocks);
  Stream32<LayoutOf(kType).has_min> stream = {pass, Cursor32(pass), Cursor32(pass), steps, ring};
  __m512 acc[16];
#pragma GCC unroll 16
  for (int t = 0; t < 16; ++t) acc[t] = _mm512_setzero_ps();
  const ConfiguredTiles configured(kConfig);
  LoadOperands32<0>(stream.load);
  for (uint64_t step = 0; step < steps + kLag; step += 4) {
    stream.template Step<0>(step, acc);
    stream.template Step<1>(step + 1, acc);
    stream.template Step<2>(step + 2, acc);
    stream.template Step<3>(step + 3, acc);
  }
}

}  // namespace
// NOLINTEND(llvm-header-guard)
