// Which kernels this machine can run, decided once.
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "numerics/kernels.h"

namespace dure::numerics {

extern const Kernels kReferenceKernels;
extern const Kernels kAvx2Kernels;
extern const Kernels kAvxVnniKernels;
extern const Kernels kAvx512Kernels;
void AmxMatMul(const PackedView* w, const QuantizedRows* x, int64_t row_begin, int64_t row_end,
               int64_t group_begin, int64_t group_end, const ProductOut* out);
int64_t AmxIntegerPeak(int64_t rounds);

namespace {

/// Those of AVX-512 apart from the products.
const Kernels& AmxKernels() {
  static const Kernels kKernels = [] {
    Kernels kernels = kAvx512Kernels;
    kernels.name = "amx";
    kernels.matmul = AmxMatMul;
    kernels.integer_peak = AmxIntegerPeak;
    return kernels;
  }();
  return kKernels;
}

bool HasAvx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("f16c");
}

/// CPUID leaf 7, subleaf 1, EAX bit 4; compilers of 2022 do not know the name yet.
bool HasAvxVnni() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return HasAvx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & (1u << 4)) != 0;
}

bool HasAvx512() {
  return HasAvx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vnni");
}

/// Tiles of integers in the CPU (CPUID leaf 7, EDX bits 24 and 25), and their state in what the
/// system saves at a switch of threads (XCR0 bits 17 and 18).
bool CpuHasAmx() {
  constexpr unsigned kTileAndInt8 = 3u << 24;
  constexpr unsigned kOsSavesState = 1u << 27;
  constexpr unsigned kTileState = 3u << 17;
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kOsSavesState) == 0) return false;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (d & kTileAndInt8) != kTileAndInt8) {
    return false;
  }
  unsigned low = 0;
  unsigned high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & kTileState) == kTileState;
}

/// Linux hands out tile data only to processes that ask (Documentation/arch/x86/xstate.rst); it is
/// for all threads, and asking again is harmless.
bool SystemPermitsAmx() {
  constexpr int kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr int kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

bool HasAmx() {
  static const bool has = HasAvx512() && CpuHasAmx() && SystemPermitsAmx();
  return has;
}

bool Has(Isa isa) {
  switch (isa) {
    case Isa::kReference:
      return true;
    case Isa::kAvx2:
      return HasAvx2();
    case Isa::kAvxVnni:
      return HasAvxVnni();
    case Isa::kAvx512:
      return HasAvx512();
    case Isa::kAmx:
      return HasAmx();
  }
  return false;
}

}  // namespace

const Kernels* UncheckedKernelsFor(Isa isa) {
  switch (isa) {
    case Isa::kReference:
      return &kReferenceKernels;
    case Isa::kAvx2:
      return &kAvx2Kernels;
    case Isa::kAvxVnni:
      return &kAvxVnniKernels;
    case Isa::kAvx512:
      return &kAvx512Kernels;
    case Isa::kAmx:
      return &AmxKernels();
  }
  return nullptr;
}

const Kernels* KernelsFor(Isa isa) { return Has(isa) ? UncheckedKernelsFor(isa) : nullptr; }

const char* IsaName(Isa isa) {
  switch (isa) {
    case Isa::kReference:
      return "reference";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvxVnni:
      return "avxvnni";
    case Isa::kAvx512:
      return "avx512";
    case Isa::kAmx:
      return "amx";
  }
  return "unknown";
}

KernelChoice ChooseKernels() {
  const char* wanted = std::getenv("DURE_ISA");
  const bool forced = wanted != nullptr && *wanted != '\0';
  const Kernels* best = nullptr;
  for (const Isa isa : kAllIsas) {
    if (forced && std::strcmp(wanted, IsaName(isa)) != 0) continue;
    const Kernels* kernels = KernelsFor(isa);
    if (kernels != nullptr) best = kernels;
    if (forced && kernels == nullptr) {
      return {nullptr, "DURE_ISA names an instruction set that this machine does not have"};
    }
  }
  if (best != nullptr) return {best, nullptr};
  return {nullptr, "DURE_ISA must be one of reference, avx2, avxvnni, avx512, amx"};
}

}  // namespace dure::numerics
