#include "tests/numerics/amx_emulator.h"

#include <cpuid.h>
#include <signal.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "numerics/kernels.h"

namespace dure::numerics::testing {

/// VEX.128.pp.0F38.W0 opcode /r, taken apart.
struct AmxUnit::Instruction {
  enum Prefix { kNoPrefix = 0, k66 = 1, kF3 = 2, kF2 = 3 };

  uint8_t opcode;
  int prefix;
  bool memory;       // ModRM names memory, not a register
  bool sib;          // by a SIB byte
  int reg;           // ModRM.reg with VEX.R
  int rm;            // ModRM.rm with VEX.B, where it is a register
  int vvvv;          // as a register number; 0 when the field is unused
  bool wide;         // VEX.W or VEX.L set
  uint64_t address;  // base + displacement
  uint64_t index;    // scaled; the stride of tile loads and stores
  int length;
};

namespace {

constexpr uint8_t kConfigOpcode = 0x49;
constexpr uint8_t kMemoryOpcode = 0x4b;
constexpr uint8_t kProductOpcode = 0x5e;

int32_t ReadInt32(const uint8_t* p) {
  int32_t value;
  std::memcpy(&value, p, sizeof(value));
  return value;
}

uint8_t* Pointer(uint64_t address) { return reinterpret_cast<uint8_t*>(address); }

}  // namespace

namespace {

/// The addressing form after ModRM: section 2.1.5 of the manual's volume 2.
struct Address {
  uint64_t base;
  uint64_t index;
  bool sib;
  int length;  // of ModRM, SIB and displacement
};

Address DecodeAddress(const uint8_t* modrm, bool vex_x, bool vex_b, const AmxRegisters& registers,
                      uint64_t rip_after_displacement32) {
  const int mod = modrm[0] >> 6;
  const int rm = modrm[0] & 7;
  Address out = {0, 0, rm == 4, 1};
  bool no_base = mod == 0 && rm == 5;
  int base = rm | (vex_b ? 8 : 0);
  if (out.sib) {
    const uint8_t sib = modrm[1];
    const int index = ((sib >> 3) & 7) | (vex_x ? 8 : 0);
    if (index != 4) out.index = registers.general[index] << (sib >> 6);
    base = (sib & 7) | (vex_b ? 8 : 0);
    no_base = mod == 0 && (sib & 7) == 5;
    out.length = 2;
  }
  const uint8_t* displacement = modrm + out.length;
  if (!no_base) out.base = registers.general[base];
  if (no_base && !out.sib) out.base = rip_after_displacement32;
  if (mod == 1) {
    out.base += static_cast<uint64_t>(static_cast<int64_t>(static_cast<int8_t>(*displacement)));
    out.length += 1;
  } else if (mod == 2 || no_base) {
    out.base += static_cast<uint64_t>(static_cast<int64_t>(ReadInt32(displacement)));
    out.length += 4;
  }
  return out;
}

}  // namespace

AmxFault AmxUnit::Fault(AmxFault fault, const char* reason) {
  reason_ = reason;
  return fault;
}

AmxFault AmxUnit::Step(AmxRegisters* registers, const char** reason) {
  const uint8_t* at = Pointer(registers->rip);
  reason_ = "not an AMX instruction";
  AmxFault fault = AmxFault::kNotAmx;
  const bool vex = at[0] == 0xc4 && (at[1] & 31) == 2;
  if (vex && (at[3] == kConfigOpcode || at[3] == kMemoryOpcode || at[3] == kProductOpcode)) {
    const uint8_t* modrm = at + 4;
    Instruction in = {};
    in.opcode = at[3];
    in.prefix = at[2] & 3;
    in.memory = modrm[0] >> 6 != 3;
    in.reg = ((modrm[0] >> 3) & 7) | ((at[1] & 0x80) != 0 ? 0 : 8);
    in.rm = (modrm[0] & 7) | ((at[1] & 0x20) != 0 ? 0 : 8);
    in.vvvv = (~at[2] >> 3) & 15;
    in.wide = (at[2] & 0x84) != 0;
    in.length = 5;
    if (in.memory) {
      const Address address = DecodeAddress(modrm, (at[1] & 0x40) == 0, (at[1] & 0x20) == 0,
                                            *registers, registers->rip + 9);
      in.sib = address.sib;
      in.address = address.base;
      in.index = address.index;
      in.length = 4 + address.length;
    }
    fault = Execute(in);
    if (fault == AmxFault::kNone) registers->rip += static_cast<uint64_t>(in.length);
  }
  if (reason != nullptr) *reason = fault == AmxFault::kNone ? nullptr : reason_;
  return fault;
}

AmxFault AmxUnit::Execute(const Instruction& in) {
  const auto undefined = [this] {
    return Fault(AmxFault::kInvalidOpcode, "no instruction has this encoding");
  };
  if (in.wide) return undefined();
  if (in.opcode == kProductOpcode) return in.memory ? undefined() : Multiply(in);
  if (in.vvvv != 0) return undefined();
  if (in.opcode == kMemoryOpcode) {
    if (!in.memory || !in.sib || in.prefix == Instruction::kNoPrefix) return undefined();
    return in.prefix == Instruction::kF3 ? Store(in) : Load(in);
  }
  // SIB's index belongs to the address here, and is no stride.
  uint8_t* memory = Pointer(in.address + in.index);
  if (in.memory && in.reg == 0 && in.prefix == Instruction::kNoPrefix) return Configure(memory);
  if (in.memory && in.reg == 0 && in.prefix == Instruction::k66) {
    StoreConfiguration(memory);
    return AmxFault::kNone;
  }
  if (in.memory) return undefined();
  if (in.prefix == Instruction::kNoPrefix && in.reg == 0 && in.rm == 0) {
    Release();
    return AmxFault::kNone;
  }
  if (in.prefix == Instruction::kF2 && in.rm == 0) return Zero(in);
  return undefined();
}

void AmxUnit::Release() {
  palette_ = 0;
  start_row_ = 0;
  for (Tile& tile : tiles_) tile = {};
}

// The 64 bytes: palette, start row, 14 reserved, 16 row widths of two bytes, 16 row counts.
AmxFault AmxUnit::Configure(const uint8_t* memory) {
  uint8_t config[64];
  std::memcpy(config, memory, sizeof(config));
  const auto bad = [this](const char* reason) {
    return Fault(AmxFault::kGeneralProtection, reason);
  };
  if (config[0] > 1) return bad("LDTILECFG: unknown palette");
  if (config[0] == 0) {
    Release();
    return AmxFault::kNone;
  }
  for (int i = 2; i < 16; ++i) {
    if (config[i] != 0) return bad("LDTILECFG: reserved byte is not zero");
  }
  for (int i = 0; i < 16; ++i) {
    const int row_bytes = config[16 + 2 * i] | config[17 + 2 * i] << 8;
    const int rows = config[48 + i];
    if (i >= kTiles && (row_bytes != 0 || rows != 0)) return bad("LDTILECFG: tile beyond tmm7");
    if (row_bytes > kRowBytes) return bad("LDTILECFG: more than 64 bytes a row");
    if (rows > kRows) return bad("LDTILECFG: more than 16 rows");
    if ((row_bytes == 0) != (rows == 0)) return bad("LDTILECFG: rows without columns or reverse");
  }
  Release();
  palette_ = config[0];
  start_row_ = config[1];
  for (int i = 0; i < kTiles; ++i) {
    tiles_[i].row_bytes = config[16 + 2 * i];
    tiles_[i].rows = config[48 + i];
  }
  return AmxFault::kNone;
}

void AmxUnit::StoreConfiguration(uint8_t* memory) const {
  uint8_t config[64] = {};
  config[0] = palette_;
  config[1] = start_row_;
  for (int i = 0; i < kTiles; ++i) {
    config[16 + 2 * i] = static_cast<uint8_t>(tiles_[i].row_bytes);
    config[48 + i] = static_cast<uint8_t>(tiles_[i].rows);
  }
  std::memcpy(memory, config, sizeof(config));
}

AmxFault AmxUnit::Load(const Instruction& in) {
  if (in.reg >= kTiles || !configured() || tiles_[in.reg].rows == 0) {
    return Fault(AmxFault::kInvalidOpcode, "TILELOADD: tile is not configured");
  }
  Tile& tile = tiles_[in.reg];
  if (start_row_ >= tile.rows) return Fault(AmxFault::kInvalidOpcode, "TILELOADD: start row");
  for (int row = 0; row < kRows; ++row) {
    if (row < start_row_) continue;
    std::memset(tile.data[row], 0, kRowBytes);
    if (row >= tile.rows) continue;
    const uint64_t address = in.address + static_cast<uint64_t>(row) * in.index;
    std::memcpy(tile.data[row], Pointer(address), static_cast<size_t>(tile.row_bytes));
  }
  start_row_ = 0;
  return AmxFault::kNone;
}

AmxFault AmxUnit::Store(const Instruction& in) {
  if (in.reg >= kTiles || !configured() || tiles_[in.reg].rows == 0) {
    return Fault(AmxFault::kInvalidOpcode, "TILESTORED: tile is not configured");
  }
  const Tile& tile = tiles_[in.reg];
  if (start_row_ >= tile.rows) return Fault(AmxFault::kInvalidOpcode, "TILESTORED: start row");
  for (int row = start_row_; row < tile.rows; ++row) {
    const uint64_t address = in.address + static_cast<uint64_t>(row) * in.index;
    std::memcpy(Pointer(address), tile.data[row], static_cast<size_t>(tile.row_bytes));
  }
  start_row_ = 0;
  return AmxFault::kNone;
}

AmxFault AmxUnit::Zero(const Instruction& in) {
  if (in.reg >= kTiles || !configured() || tiles_[in.reg].rows == 0) {
    return Fault(AmxFault::kInvalidOpcode, "TILEZERO: tile is not configured");
  }
  std::memset(tiles_[in.reg].data, 0, sizeof(tiles_[in.reg].data));
  start_row_ = 0;
  return AmxFault::kNone;
}

// ModRM.reg += ModRM.rm [rows, 4 k bytes] times vvvv [k rows, 4 bytes a column].
AmxFault AmxUnit::Multiply(const Instruction& in) {
  const auto bad = [this](const char* reason) { return Fault(AmxFault::kInvalidOpcode, reason); };
  if (in.reg >= kTiles || in.rm >= kTiles || in.vvvv >= kTiles) return bad("TDP: no such tile");
  if (in.reg == in.rm || in.rm == in.vvvv || in.reg == in.vvvv) return bad("TDP: one tile twice");
  Tile& sum = tiles_[in.reg];
  const Tile& a = tiles_[in.rm];
  const Tile& b = tiles_[in.vvvv];
  if (!configured() || sum.rows == 0 || a.rows == 0 || b.rows == 0) {
    return bad("TDP: tile is not configured");
  }
  if (sum.row_bytes % 4 != 0 || a.row_bytes % 4 != 0 || b.row_bytes % 4 != 0) {
    return bad("TDP: rows are not made of double words");
  }
  if (sum.rows != a.rows || sum.row_bytes != b.row_bytes || a.row_bytes / 4 != b.rows) {
    return bad("TDP: tile dimensions do not match");
  }
  const bool signed_a = in.prefix == Instruction::kF2 || in.prefix == Instruction::kF3;
  const bool signed_b = in.prefix == Instruction::kF2 || in.prefix == Instruction::k66;
  const auto value = [](uint8_t byte, bool is_signed) {
    return is_signed ? static_cast<int32_t>(static_cast<int8_t>(byte)) : int32_t{byte};
  };
  for (int m = 0; m < sum.rows; ++m) {
    for (int n = 0; n < sum.row_bytes / 4; ++n) {
      auto total = static_cast<uint32_t>(ReadInt32(&sum.data[m][4 * n]));  // wraps around
      for (int k = 0; k < a.row_bytes; ++k) {
        total += static_cast<uint32_t>(value(a.data[m][k], signed_a) *
                                       value(b.data[k / 4][4 * n + k % 4], signed_b));
      }
      std::memcpy(&sum.data[m][4 * n], &total, sizeof(total));
    }
  }
  start_row_ = 0;
  return AmxFault::kNone;
}

namespace {

thread_local constinit AmxUnit thread_unit;
std::atomic<uint64_t> instructions{0};
bool emulated = false;

constexpr int kSavedRegisters[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                     REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                     REG_R12, REG_R13, REG_R14, REG_R15};

void OnIllegalInstruction(int, siginfo_t*, void* context) {
  auto* saved = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  AmxRegisters registers;
  for (int i = 0; i < 16; ++i) {
    registers.general[i] = static_cast<uint64_t>(saved[kSavedRegisters[i]]);
  }
  registers.rip = static_cast<uint64_t>(saved[REG_RIP]);
  const char* reason = nullptr;
  const AmxFault fault = thread_unit.Step(&registers, &reason);
  if (fault == AmxFault::kNone) {
    saved[REG_RIP] = static_cast<greg_t>(registers.rip);
    instructions.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  [[maybe_unused]] auto written = write(2, reason, std::strlen(reason));
  written = write(2, "\n", 1);
  const int signal_number = fault == AmxFault::kGeneralProtection ? SIGSEGV : SIGILL;
  signal(signal_number, SIG_DFL);
  raise(signal_number);  // delivered when this handler returns, at the latest
}

/// XGETBV with ECX = 1: which state components are not in their initial state; 18 is tile data.
bool TileDataInUse() {
  unsigned low;
  unsigned high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(1));
  return (low & (1u << 18)) != 0;
}

}  // namespace

bool ProvideAmx() {
  static const bool provided = [] {
    if (KernelsFor(Isa::kAmx) != nullptr) return true;
    if (KernelsFor(Isa::kAvx512) == nullptr) return false;
    struct sigaction action = {};
    action.sa_sigaction = OnIllegalInstruction;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    emulated = sigaction(SIGILL, &action, nullptr) == 0;
    return emulated;
  }();
  return provided;
}

bool AmxIsEmulated() { return emulated; }

bool TilesInUse() { return emulated ? thread_unit.configured() : TileDataInUse(); }

uint64_t EmulatedAmxInstructions() { return instructions.load(); }

}  // namespace dure::numerics::testing
