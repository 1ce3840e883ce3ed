# Flags that every target shares. Floating point: the numerics contract (docs/numerics.md) forbids
# contraction and fast-math everywhere.
add_library(dure_flags INTERFACE)
target_compile_features(dure_flags INTERFACE cxx_std_20)
target_compile_options(dure_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -ffp-contract=off -fno-fast-math)
if(DURE_WERROR)
  target_compile_options(dure_flags INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  find_program(DURE_LLD NAMES ld.lld-19 ld.lld)
  if(DURE_LLD)
    target_link_options(dure_flags INTERFACE --ld-path=${DURE_LLD})
  endif()
else()
  # GCC 12 reports false positives inside the standard library and its own intrinsics at -O2 and up.
  target_compile_options(dure_flags INTERFACE
    -Wno-uninitialized -Wno-maybe-uninitialized -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow
    -Wno-dangling-pointer)
endif()
if(DURE_SANITIZE)
  target_compile_options(dure_flags INTERFACE
    -fsanitize=${DURE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(dure_flags INTERFACE -fsanitize=${DURE_SANITIZE})
endif()
if(DURE_FUZZ)
  target_compile_options(dure_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
