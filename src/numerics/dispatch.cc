// Which kernels this machine can run, decided once.
#include <cpuid.h>

#include <cstdlib>
#include <cstring>

#include "numerics/kernels.h"

namespace dure::numerics {

extern const Kernels kReferenceKernels;
extern const Kernels kAvx2Kernels;
extern const Kernels kAvxVnniKernels;
extern const Kernels kAvx512Kernels;

namespace {

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

}  // namespace

const Kernels* KernelsFor(Isa isa) {
  switch (isa) {
    case Isa::kReference:
      return &kReferenceKernels;
    case Isa::kAvx2:
      return HasAvx2() ? &kAvx2Kernels : nullptr;
    case Isa::kAvxVnni:
      return HasAvxVnni() ? &kAvxVnniKernels : nullptr;
    case Isa::kAvx512:
      return HasAvx512() ? &kAvx512Kernels : nullptr;
  }
  return nullptr;
}

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
  }
  return "unknown";
}

KernelChoice ChooseKernels() {
  const char* wanted = std::getenv("DURE_ISA");
  const bool forced = wanted != nullptr && *wanted != '\0';
  const Kernels* best = nullptr;
  for (const Isa isa : kAllIsas) {
    const Kernels* kernels = KernelsFor(isa);
    if (!forced) {
      if (kernels != nullptr) best = kernels;
      continue;
    }
    if (std::strcmp(wanted, IsaName(isa)) != 0) continue;
    if (kernels != nullptr) return {kernels, nullptr};
    return {nullptr, "DURE_ISA names an instruction set that this machine does not have"};
  }
  if (best != nullptr) return {best, nullptr};
  return {nullptr, "DURE_ISA must be one of reference, avx2, avxvnni, avx512"};
}

}  // namespace dure::numerics
