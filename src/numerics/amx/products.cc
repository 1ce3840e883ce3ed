// AMX: products of many rows by tiles. Fewer rows, and everything else, are AVX-512's.
#include <immintrin.h>
#include <sys/mman.h>

#include <type_traits>
#include <utility>

#include "numerics/kernels.h"

namespace dure::numerics {

extern const Kernels kAvx512Kernels;

// clang-format off: each of these uses what the one before defines.
#include "numerics/vector/lanes_512.h"
#include "numerics/vector/emit.h"
#include "numerics/vector/prefetch.h"
#include "numerics/vector/integer_lanes_512.h"
#include "numerics/vector/unpack.h"
#include "numerics/amx/tiles.h"
#include "numerics/amx/stream_32.h"
#include "numerics/amx/stream_256.h"
// clang-format on

namespace {

/// A tile takes about as long for 1 row as for 16: some 45 cycles a block of 32 (16 rows' scaling
/// is 32 to 40), and unpacking 15 more, where VNNI takes 6 a row (8 dot products and 4 float
/// operations at two a cycle) and 6 to unpack. So from about 8 rows on the tile wins.
constexpr int64_t kFewestTileRows = 8;

// A core with AMX has 2 MiB of second-level cache. One panel of activations and one run of weights
// stay in it.
constexpr int64_t kPanelBytes = 1 << 20;
constexpr int64_t kWeightRunBytes = 256 << 10;
/// Blocks that a pass should have at least, to make little of its start and its end.
constexpr int64_t kPassBlocks = 256;

constexpr int64_t CeilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// How a product is cut into passes.
struct Cut {
  int64_t panel_tiles;  // at most, a pass
  int64_t run_groups;
};

template <typename Blocks>
Cut CutFor(int64_t tiles, int64_t groups, int64_t blocks) {
  int64_t most = kPanelBytes / (blocks * Blocks::kActivationBytes) / 2 * 2;
  if (most < 2) most = 2;
  Cut cut;
  cut.panel_tiles = CeilDivide(tiles, CeilDivide(tiles, most));
  cut.run_groups = CeilDivide(kPassBlocks, cut.panel_tiles * blocks);
  const int64_t fitting = kWeightRunBytes / (blocks * Blocks::kWeightBytes);
  if (cut.run_groups > fitting) cut.run_groups = fitting;
  if (cut.run_groups > groups) cut.run_groups = groups;
  if (cut.run_groups < 1) cut.run_groups = 1;
  return cut;
}

/// False when there is no memory for the operands in tile order.
template <BlockType kType>
bool MatMulTiles(const PackedView* w, const QuantizedRows* x, int64_t row_begin, int64_t row_end,
                 int64_t group_begin, int64_t group_end, const ProductOut* out) {
  using Blocks = std::conditional_t<LayoutOf(kType).block == 32, Blocks32, Blocks256>;
  const int64_t blocks = w->cols / LayoutOf(kType).block;
  const int64_t tiles = CeilDivide(row_end - row_begin, 16);
  const Cut cut = CutFor<Blocks>(tiles, group_end - group_begin, blocks);
  const int64_t panel_bytes = cut.panel_tiles * blocks * Blocks::kActivationBytes;
  const int64_t run_bytes = cut.run_groups * blocks * Blocks::kWeightBytes;
  uint8_t* activations = scratch.Reserve(panel_bytes + run_bytes + Blocks::kSlackBytes);
  if (activations == nullptr) return false;
  uint8_t* weights = activations + panel_bytes;
  Pass pass = {activations, weights, 0, 0, blocks, w, out, 0, row_end, 0};
  for (int64_t tile = 0; tile < tiles; tile += pass.tiles) {
    pass.tiles = tiles - tile < cut.panel_tiles ? tiles - tile : cut.panel_tiles;
    pass.row = row_begin + 16 * tile;
    Blocks::template PackActivations<kType>(x, pass.row, row_end - pass.row, pass.tiles,
                                            activations);
    for (pass.group = group_begin; pass.group < group_end; pass.group += pass.groups) {
      const int64_t left = group_end - pass.group;
      pass.groups = left < cut.run_groups ? left : cut.run_groups;
      for (int64_t g = 0; g < pass.groups; ++g) {
        Blocks::template UnpackWeights<kType>(w, pass.group + g,
                                              weights + g * blocks * Blocks::kWeightBytes);
      }
      Blocks::template Run<kType>(pass);
    }
  }
  return true;
}

template <BlockType kType>
void MatMulOf(const PackedView* w, const QuantizedRows* x, int64_t row_begin, int64_t row_end,
              int64_t group_begin, int64_t group_end, const ProductOut* out) {
  const int64_t rows = row_end - row_begin;
  int64_t tiled = rows % 16 < kFewestTileRows ? rows / 16 * 16 : rows;
  if (group_begin >= group_end) return;
  if (tiled > 0 &&
      !MatMulTiles<kType>(w, x, row_begin, row_begin + tiled, group_begin, group_end, out)) {
    tiled = 0;
  }
  if (tiled < rows) {
    kAvx512Kernels.matmul(w, x, row_begin + tiled, row_end, group_begin, group_end, out);
  }
}

#include "numerics/vector/matmul_switch.h"

}  // namespace

/// As Kernels::matmul.
int64_t AmxIntegerPeak(int64_t rounds) {
  const ConfiguredTiles tiles(ConfigForDepth(64));
  TileZero<0>();
  TileZero<1>();
  TileZero<2>();
  TileZero<3>();
  TileZero<4>();
  TileZero<6>();
  for (int64_t i = 0; i < rounds; ++i) {
    TileDotUnsigned<0, 4, 6>();
    TileDotUnsigned<1, 4, 6>();
    TileDotUnsigned<2, 4, 6>();
    TileDotUnsigned<3, 4, 6>();
  }
  return rounds * 4 * 16 * 16 * 64;
}

void AmxMatMul(const PackedView* w, const QuantizedRows* x, int64_t row_begin, int64_t row_end,
               int64_t group_begin, int64_t group_end, const ProductOut* out) {
  MatMul(w, x, row_begin, row_end, group_begin, group_end, out);
}

}  // namespace dure::numerics
