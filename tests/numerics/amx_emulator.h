// Intel AMX in software, for tests on machines without it: the tile instructions that integer
// kernels use (configuration, tile loads and stores, TDPB*), executed from the SIGILL handler by
// the Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2. Slow: a microsecond
// or two an instruction.
#pragma once

#include <cstdint>

namespace dure::numerics::testing {

/// What the processor would raise. kNotAmx: the instruction is none of those listed above.
enum class AmxFault { kNone, kNotAmx, kInvalidOpcode, kGeneralProtection };

/// What an instruction may read: the general registers by the number that encodes them (rax, rcx,
/// rdx, rbx, rsp, rbp, rsi, rdi, r8 .. r15), and the address of the instruction.
struct AmxRegisters {
  uint64_t general[16];
  uint64_t rip;
};

/// The tiles of one thread. Constant-initialised and trivially destroyed, so that it may be
/// thread_local and used in a signal handler.
class AmxUnit {
 public:
  static constexpr int kTiles = 8;
  static constexpr int kRows = 16;
  static constexpr int kRowBytes = 64;

  /// Executes the instruction at rip and moves rip past it. On a fault nothing has changed, and
  /// *reason, if not null, points to static text.
  AmxFault Step(AmxRegisters* registers, const char** reason);

  /// Between LDTILECFG with palette 1 and TILERELEASE.
  bool configured() const { return palette_ != 0; }

 private:
  struct Tile {
    int rows;
    int row_bytes;
    uint8_t data[kRows][kRowBytes];
  };
  struct Instruction;

  AmxFault Execute(const Instruction& instruction);
  AmxFault Configure(const uint8_t* memory);
  void StoreConfiguration(uint8_t* memory) const;
  void Release();
  AmxFault Load(const Instruction& instruction);
  AmxFault Store(const Instruction& instruction);
  AmxFault Zero(const Instruction& instruction);
  AmxFault Multiply(const Instruction& instruction);
  AmxFault Fault(AmxFault fault, const char* reason);

  const char* reason_ = nullptr;
  uint8_t palette_ = 0;
  uint8_t start_row_ = 0;
  Tile tiles_[kTiles] = {};
};

/// Makes AMX instructions work in this process: asks the kernel for them where the CPU has AMX,
/// else handles SIGILL (other illegal instructions and faults end the process as ever). May be
/// called again. False when neither is possible because the CPU lacks AVX-512, which the kernels
/// need too.
bool ProvideAmx();

/// Whether ProvideAmx emulates.
bool AmxIsEmulated();

/// Whether the calling thread's tiles hold state, which costs at each switch of threads.
bool TilesInUse();

/// Instructions that the emulator has executed in this process.
uint64_t EmulatedAmxInstructions();

}  // namespace dure::numerics::testing
