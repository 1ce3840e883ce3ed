// safetensors: tensors under a JSON header. Format followed: the "Format" section of the
// safetensors project's README. The reader refuses what that format refuses: holes, overlaps,
// duplicate names, offsets that do not fit shape and type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace dure::formats {

enum class SafetensorsType {
  kBool,
  kU8,
  kI8,
  kF8E4M3,
  kF8E5M2,
  kU16,
  kI16,
  kF16,
  kBF16,
  kU32,
  kI32,
  kF32,
  kU64,
  kI64,
  kF64,
};

/// "F32" and so on, as the header spells it.
std::string_view SafetensorsTypeName(SafetensorsType type);
size_t SafetensorsTypeBytes(SafetensorsType type);

/// Bounds on what a file may ask for. They hold before the header is parsed.
struct SafetensorsLimits {
  uint64_t max_header_bytes = 32ull << 20;
  uint32_t max_json_depth = 4;  // the format itself needs 3
  uint64_t max_tensors = 1 << 20;
  uint32_t max_dimensions = 8;
};

struct SafetensorsTensor {
  std::string name;
  SafetensorsType type;
  std::vector<uint64_t> shape;  // row-major, slowest first; empty for a scalar
  uint64_t offset;              // bytes from the start of the file
  uint64_t bytes;
};

/// An open file: the header is in memory, tensor data stays on disk until read; nothing is mapped.
/// Const members are thread-safe.
class SafetensorsFile {
 public:
  /// Errors: kNotFound, kIo, kCorrupt, kUnsupported (a tensor type, named in the message).
  static Result<std::unique_ptr<SafetensorsFile>> Open(const std::string& path,
                                                       const SafetensorsLimits& limits = {});
  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  const std::string& path() const;
  uint64_t file_bytes() const;

  /// In ascending order of offset.
  const std::vector<SafetensorsTensor>& tensors() const;
  const SafetensorsTensor* FindTensor(std::string_view name) const;
  /// The string pairs of __metadata__; empty when absent.
  const std::vector<std::pair<std::string, std::string>>& metadata() const;

  /// Copies bytes [byte_offset, byte_offset + out.size()) of the tensor's data. Thread-safe. kIo on
  /// a short read.
  Result<void> ReadTensor(const SafetensorsTensor& tensor, uint64_t byte_offset,
                          std::span<std::byte> out) const;

 private:
  SafetensorsFile();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dure::formats
