// One member of a ZIP archive (a Python wheel is one), read in pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "base/error.h"

namespace dure::formats {

/// Hands the member's content to `sink` piece by piece. It must have exactly `bytes` bytes, in the
/// archive's directory and in what comes out of the decompressor, so a hostile archive cannot
/// expand further; its CRC is checked. A sink that returns an error stops the work and gives that
/// error. Errors: kIo, kNotFound (no such member), kCorrupt.
Result<void> ReadZipMember(const std::string& archive, const std::string& member, uint64_t bytes,
                           const std::function<Result<void>(std::span<const std::byte>)>& sink);

}  // namespace dure::formats
