// The tile instructions, and each thread's memory for operands in tile order. Included inside
// dure::numerics; everything has internal linkage. Instructions are written as assembly because the
// compilers' intrinsics take only literal tile numbers, and GCC 12's do not say that they read
// memory.
// NOLINTBEGIN(llvm-header-guard)

namespace {

// Tiles by number: 0 to 3 are sums [16 rows][16 lanes], 4 and 5 activations, 6 and 7 weights.

struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

/// For products over `depth` inputs (a multiple of 4, at most 64): activations [16][depth], weights
/// [depth / 4][16 lanes x 4].
constexpr TileConfig ConfigForDepth(int depth) {
  TileConfig config;
  for (int i = 0; i < 8; ++i) {
    config.rows[i] = i >= 6 ? static_cast<uint8_t>(depth / 4) : uint8_t{16};
    config.row_bytes[i] = i == 4 || i == 5 ? static_cast<uint16_t>(depth) : uint16_t{64};
  }
  return config;
}

/// The calling thread's tiles from here to the end of the scope: they are configured, and given up
/// afterwards, so that a thread that waits has no tile state to be saved.
class ConfiguredTiles {
 public:
  explicit ConfiguredTiles(const TileConfig& config) {
    asm volatile("ldtilecfg %0" : : "m"(config) : "memory");
  }
  ~ConfiguredTiles() { asm volatile("tilerelease" : : : "memory"); }
  ConfiguredTiles(const ConfiguredTiles&) = delete;
  ConfiguredTiles& operator=(const ConfiguredTiles&) = delete;
};

template <int kTile>
[[gnu::always_inline]] inline void TileZero() {
  asm volatile("tilezero %%tmm%c0" : : "i"(kTile));
}
/// Rows lie `stride` bytes apart.
template <int kTile>
[[gnu::always_inline]] inline void TileLoad(const uint8_t* from, int64_t stride) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(stride), "i"(kTile) : "memory");
}
/// Rows of 64 bytes, one after the other.
template <int kTile>
[[gnu::always_inline]] inline void TileStore(int32_t* to) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)"
               :
               : "r"(to), "r"(int64_t{64}), "i"(kTile)
               : "memory");
}
/// sum += activations times signed weights.
template <int kSum, int kActivations, int kWeights>
[[gnu::always_inline]] inline void TileDotSigned() {
  asm volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0"
               :
               : "i"(kSum), "i"(kActivations), "i"(kWeights));
}
/// sum += activations times unsigned weights.
template <int kSum, int kActivations, int kWeights>
[[gnu::always_inline]] inline void TileDotUnsigned() {
  asm volatile("tdpbsud %%tmm%c2, %%tmm%c1, %%tmm%c0"
               :
               : "i"(kSum), "i"(kActivations), "i"(kWeights));
}

/// Memory of one thread that grows and is kept until the thread ends.
class Scratch {
 public:
  constexpr Scratch() = default;
  ~Scratch() {
    if (data_ != nullptr) munmap(data_, static_cast<size_t>(bytes_));
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  /// At least `bytes`, aligned to pages, with anything in it; nullptr when the system has no more.
  uint8_t* Reserve(int64_t bytes) {
    if (bytes <= bytes_) return static_cast<uint8_t*>(data_);
    if (data_ != nullptr) munmap(data_, static_cast<size_t>(bytes_));
    bytes_ = (bytes + 4095) / 4096 * 4096;
    data_ = mmap(nullptr, static_cast<size_t>(bytes_), PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data_ == MAP_FAILED) {
      data_ = nullptr;
      bytes_ = 0;
    }
    return static_cast<uint8_t*>(data_);
  }

 private:
  void* data_ = nullptr;
  int64_t bytes_ = 0;
};

constinit thread_local Scratch scratch;

/// Some rows times some groups, with both operands unpacked into records of one block each.
struct Pass {
  const uint8_t* activations;  // [tiles][blocks] records, a tile being 16 rows
  const uint8_t* weights;      // [groups][blocks] records
  int64_t tiles;
  int64_t groups;
  int64_t blocks;
  // Where the sums go.
  const PackedView* w;
  const ProductOut* out;
  int64_t row;      // of the first tile
  int64_t row_end;  // rows from here on are padding of the last tile
  int64_t group;    // the first group's number
};

/// Writes the sums [16 rows][16 lanes] of one tile and group, less the padding.
[[gnu::noinline]] void EmitTile(const Pass& pass, int64_t tile, int64_t group, const float* sums) {
  const int64_t row = pass.row + tile * 16;
  const int64_t rows = row + 16 < pass.row_end ? 16 : pass.row_end - row;
  for (int64_t t = 0; t < rows; ++t) {
    Emit(pass.w, pass.out, row + t, pass.group + group, Load(sums + 16 * t));
  }
}

}  // namespace
// NOLINTEND(llvm-header-guard)
