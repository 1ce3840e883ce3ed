// The parser behind GgufFile: from an open file to its metadata and checked tensor table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "formats/file.h"
#include "formats/gguf.h"

namespace dure::formats {

struct GgufContents {
  uint32_t version = 0;
  std::vector<std::pair<std::string, GgufValue>> metadata;
  std::vector<GgufTensor> tensors;
};

/// Reads the file from its start, through one buffer. Every step returns false once something is
/// wrong, and the first error is kept; Parse turns it into a Result. Used once, by one thread.
class GgufParser {
 public:
  GgufParser(const InputFile& file, const GgufLimits& limits);
  Result<GgufContents> Parse();

 private:
  bool ParseHeader();
  bool ParseVersion();
  bool ParseKeyValue();
  bool ParseScalar(uint32_t type, GgufValue& out);
  bool ParseArray(uint32_t depth, GgufArray& out);
  bool ParseStrings(uint64_t count, GgufArray& out);
  bool ParseNested(uint64_t count, uint32_t depth, GgufArray& out);
  template <typename Stored, typename Kept>
  bool ParseNumbers(uint64_t count, GgufArray& out);
  bool ParseBools(uint64_t count, GgufArray& out);
  bool ParseTensor(uint64_t alignment);
  bool ParseDimensions(GgufTensor& tensor);
  bool ParseTensorType(GgufTensor& tensor);
  bool CheckSplit();
  bool CheckDuplicateKeys();
  bool ReadAlignment(uint64_t& alignment);
  bool PlaceTensors(uint64_t alignment);
  const GgufValue* Find(std::string_view key) const;

  template <typename T>
  bool Read(T& out) {
    static_assert(std::is_trivially_copyable_v<T>);
    return ReadBytes(&out, sizeof(T));
  }
  bool ReadBytes(void* out, uint64_t bytes);
  bool ReadString(std::string& out, uint64_t max_bytes);
  bool Refill();
  /// False unless `bytes` more bytes exist in the file and inside the metadata limit.
  bool Require(uint64_t bytes, const char* what);
  /// Counts memory that a value takes once decoded.
  bool Charge(uint64_t bytes);
  bool Fail(ErrorCode code, const std::string& what);
  bool Corrupt(const std::string& what);

  uint64_t position() const { return base_ + cursor_; }

  const InputFile& file_;
  const GgufLimits limits_;
  GgufContents contents_;
  uint64_t tensor_count_ = 0;
  uint64_t key_value_count_ = 0;
  uint64_t decoded_bytes_ = 0;
  std::string context_;  // what is being read, for messages
  Error error_{};

  std::vector<std::byte> buffer_;
  uint64_t base_ = 0;  // file offset of buffer_[0]
  size_t cursor_ = 0;  // next byte in buffer_
  size_t filled_ = 0;  // valid bytes in buffer_
};

}  // namespace dure::formats
