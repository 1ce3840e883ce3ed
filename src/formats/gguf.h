// GGUF, versions 2 and 3: the single-file model format of the ggml project, read with every offset,
// count, length and alignment checked against the file's size before use, and written for tests and
// quantisation. Format followed: ggml docs/gguf.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "numerics/block_type.h"

namespace dure::formats {

/// Bounds on what a file may ask for. A file beyond one is refused with kCorrupt, kUnsupported or
/// kResourceExhausted.
struct GgufLimits {
  uint64_t max_metadata_bytes = 256ull << 20;  // header, key-values and tensor table together
  uint64_t max_key_values = 65536;
  uint64_t max_tensors = 65536;
  uint64_t max_array_elements = 16ull << 20;
  uint64_t max_string_bytes = 64ull << 20;
  uint64_t max_decoded_bytes = 1ull << 30;  // memory that the metadata takes once decoded
  uint32_t max_array_depth = 2;
};

struct GgufValue;
/// Arrays keep their element type in the first variant that fits; integers of any width become
/// uint64/int64.
using GgufArray =
    std::variant<std::vector<bool>, std::vector<uint64_t>, std::vector<int64_t>,
                 std::vector<double>, std::vector<std::string>, std::vector<GgufValue>>;
struct GgufValue {
  std::variant<bool, uint64_t, int64_t, double, std::string, GgufArray> value;
};

/// One entry of the tensor table. ne[0] is the fastest dimension (columns of a weight matrix), as
/// in ggml.
struct GgufTensor {
  std::string name;
  numerics::BlockType type;
  std::vector<uint64_t> ne;  // 1 to 4 dimensions
  uint64_t offset;           // bytes from the start of the file
  uint64_t bytes;

  uint64_t cols() const { return ne[0]; }
  uint64_t rows() const;  // product of all dimensions but the first
};

/// An open model file. Metadata is in memory, tensor data stays on disk until read. Nothing is
/// mapped, so a file that is truncated or replaced later gives an error from ReadTensor and never a
/// signal. Const members are thread-safe.
class GgufFile {
 public:
  /// Errors: kNotFound, kIo, kCorrupt, kUnsupported (version, tensor type: named in the message).
  static Result<std::unique_ptr<GgufFile>> Open(const std::string& path,
                                                const GgufLimits& limits = {});
  ~GgufFile();
  GgufFile(const GgufFile&) = delete;
  GgufFile& operator=(const GgufFile&) = delete;

  uint32_t version() const;
  uint64_t file_bytes() const;
  const std::string& path() const;

  /// nullptr when absent.
  const GgufValue* Find(std::string_view key) const;
  const std::vector<std::pair<std::string, GgufValue>>& metadata() const;

  /// Typed access: kNotFound when absent, kCorrupt when of another kind or out of range; both name
  /// the key.
  Result<std::string> GetString(std::string_view key) const;
  Result<uint64_t> GetUint(std::string_view key) const;  // any non-negative integer
  Result<int64_t> GetInt(std::string_view key) const;
  Result<double> GetFloat(std::string_view key) const;  // floats and integers
  Result<bool> GetBool(std::string_view key) const;
  /// The same with a default for an absent key; a present key of the wrong kind is still an error.
  Result<std::string> GetString(std::string_view key, std::string fallback) const;
  Result<uint64_t> GetUint(std::string_view key, uint64_t fallback) const;
  Result<double> GetFloat(std::string_view key, double fallback) const;
  Result<bool> GetBool(std::string_view key, bool fallback) const;
  /// nullptr when absent or of another element kind; owned by the file.
  const std::vector<std::string>* FindStrings(std::string_view key) const;
  Result<std::vector<double>> GetFloats(std::string_view key) const;
  Result<std::vector<int64_t>> GetInts(std::string_view key) const;

  const std::vector<GgufTensor>& tensors() const;
  const GgufTensor* FindTensor(std::string_view name) const;

  /// Copies bytes [byte_offset, byte_offset + out.size()) of the tensor's data. Thread-safe. kIo on
  /// a short read.
  Result<void> ReadTensor(const GgufTensor& tensor, uint64_t byte_offset,
                          std::span<std::byte> out) const;

 private:
  GgufFile();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Collects metadata and tensors, then writes a version 3 file under a temporary name and renames
/// it.
class GgufWriter {
 public:
  explicit GgufWriter(uint32_t alignment = 32);
  ~GgufWriter();

  void SetString(std::string key, std::string value);
  void SetUint32(std::string key, uint32_t value);
  void SetInt32(std::string key, int32_t value);
  void SetUint64(std::string key, uint64_t value);
  void SetFloat32(std::string key, float value);
  void SetBool(std::string key, bool value);
  void SetStrings(std::string key, std::vector<std::string> values);
  void SetInt32s(std::string key, std::vector<int32_t> values);
  void SetFloat32s(std::string key, std::vector<float> values);
  /// data: the tensor's raw blocks, row-major; size must fit type and ne (checked in Write).
  void AddTensor(std::string name, numerics::BlockType type, std::vector<uint64_t> ne,
                 std::vector<std::byte> data);

  Result<void> Write(const std::string& path) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dure::formats
