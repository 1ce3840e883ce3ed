// SHA-256 (FIPS 180-4), streaming and of whole files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/error.h"

namespace dure::formats {

/// One hash computation. One thread at a time.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void Update(std::span<const std::byte> data);
  /// 64 lower-case hexadecimal digits. Afterwards the object starts anew.
  std::string FinishHex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

/// Called with bytes done and bytes in all; returning false stops with kCancelled.
using HashProgress = std::function<bool(uint64_t done, uint64_t total)>;

/// The hash of a file's content as 64 lower-case hexadecimal digits. Errors: those of InputFile,
/// and kCancelled.
Result<std::string> Sha256OfFile(const std::string& path, const HashProgress& progress = {});

}  // namespace dure::formats
