// Which kernels this machine can run, decided once.
#include <cpuid.h>

#include <cstdlib>
#include <cstring>

#include "numerics/kernels.h"

namespace dure::numerics {

extern const Kernels kReferenceKernels;
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;

namespace {

bool HasAvx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("f16c");
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
    case Isa::kAvx512:
      return "avx512";
  }
  return "unknown";
}

KernelChoice ChooseKernels() {
  const char* wanted = std::getenv("DURE_ISA");
  if (wanted == nullptr || *wanted == '\0') {
    for (const Isa isa : {Isa::kAvx512, Isa::kAvx2}) {
      if (const Kernels* kernels = KernelsFor(isa)) return {kernels, nullptr};
    }
    return {&kReferenceKernels, nullptr};
  }
  for (const Isa isa : {Isa::kReference, Isa::kAvx2, Isa::kAvx512}) {
    if (std::strcmp(wanted, IsaName(isa)) != 0) continue;
    if (const Kernels* kernels = KernelsFor(isa)) return {kernels, nullptr};
    return {nullptr, "DURE_ISA names an instruction set that this machine does not have"};
  }
  return {nullptr, "DURE_ISA must be one of reference, avx2, avx512"};
}

}  // namespace dure::numerics
