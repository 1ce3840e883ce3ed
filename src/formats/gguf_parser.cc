#include "formats/gguf_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <type_traits>

#include "formats/message.h"

namespace dure::formats {
namespace {

static_assert(std::endian::native == std::endian::little,
              "values are copied as they stand in the file, which is little-endian");

constexpr size_t kBufferBytes = 1 << 20;
constexpr uint64_t kMaxKeyBytes = 65535;  // gguf.md: keys are at most 2^16-1 bytes
constexpr uint64_t kMaxAlignment = 1 << 20;
constexpr uint64_t kMinKeyValueBytes = 8 + 1 + 4 + 1;  // length, key, type, value
constexpr uint64_t kMinTensorBytes =
    8 + 1 + 4 + 8 + 4 + 8;                  // length, name, dims, one dim, type, offset
constexpr uint64_t kMinArrayBytes = 4 + 8;  // element type, count

// gguf_metadata_value_type
enum ValueType : uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

}  // namespace

GgufParser::GgufParser(const InputFile& file, const GgufLimits& limits)
    : file_(file),
      limits_(limits),
      buffer_(static_cast<size_t>(std::min<uint64_t>(kBufferBytes, file.bytes()))) {}

Result<GgufContents> GgufParser::Parse() {
  const bool parsed = [this] {
    if (!ParseHeader()) return false;
    contents_.metadata.reserve(key_value_count_);
    for (uint64_t i = 0; i < key_value_count_; ++i) {
      if (!ParseKeyValue()) return false;
    }
    context_.clear();
    if (!CheckDuplicateKeys() || !CheckSplit()) return false;
    uint64_t alignment = 0;
    if (!ReadAlignment(alignment)) return false;
    contents_.tensors.reserve(tensor_count_);
    for (uint64_t i = 0; i < tensor_count_; ++i) {
      if (!ParseTensor(alignment)) return false;
    }
    return PlaceTensors(alignment);
  }();
  if (!parsed) return tl::unexpected<Error>(std::move(error_));
  return std::move(contents_);
}

bool GgufParser::ParseHeader() {
  context_ = "header";
  std::array<char, 4> magic{};
  if (file_.bytes() < 4) return Corrupt("shorter than 4 bytes, so not a GGUF file");
  if (!Read(magic)) return false;
  const std::string_view start(magic.data(), magic.size());
  if (start != "GGUF") {
    return Corrupt(fmt::format("not a GGUF file (it starts with {})", Quoted(start)));
  }
  if (!ParseVersion()) return false;
  if (!Read(tensor_count_) || !Read(key_value_count_)) return false;
  if (key_value_count_ > limits_.max_key_values) {
    return Corrupt(fmt::format("{} key-values, more than the limit of {}", key_value_count_,
                               limits_.max_key_values));
  }
  if (tensor_count_ > limits_.max_tensors) {
    return Corrupt(
        fmt::format("{} tensors, more than the limit of {}", tensor_count_, limits_.max_tensors));
  }
  // Both counts are small now, so the sum cannot overflow.
  return Require(key_value_count_ * kMinKeyValueBytes + tensor_count_ * kMinTensorBytes,
                 "the key-values and tensors");
}

bool GgufParser::ParseVersion() {
  if (!Read(contents_.version)) return false;
  const uint32_t version = contents_.version;
  if (version == 2 || version == 3) return true;
  const uint32_t swapped = __builtin_bswap32(version);
  if (swapped >= 1 && swapped <= 3) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("big-endian GGUF version {} is not supported; convert the file to "
                            "little-endian",
                            swapped));
  }
  return Fail(ErrorCode::kUnsupported,
              fmt::format("GGUF version {} is not supported (2 and 3 are); get the model in a "
                          "current file",
                          version));
}

bool GgufParser::ParseKeyValue() {
  context_ = fmt::format("key-value {}", contents_.metadata.size());
  std::string key;
  if (!ReadString(key, kMaxKeyBytes)) return false;
  if (key.empty()) return Corrupt("an empty key");
  context_ = "key " + Quoted(key);
  uint32_t type = 0;
  if (!Read(type)) return false;
  GgufValue value;
  if (type == kArray) {
    if (!ParseArray(1, value.value.emplace<GgufArray>())) return false;
  } else if (!ParseScalar(type, value)) {
    return false;
  }
  contents_.metadata.emplace_back(std::move(key), std::move(value));
  return true;
}

bool GgufParser::ParseScalar(uint32_t type, GgufValue& out) {
  const auto number = [&]<typename Stored, typename Kept>(Stored stored, Kept) {
    if (!Read(stored)) return false;
    out.value = static_cast<Kept>(stored);
    return true;
  };
  switch (type) {
    case kUint8:
      return number(uint8_t{}, uint64_t{});
    case kInt8:
      return number(int8_t{}, int64_t{});
    case kUint16:
      return number(uint16_t{}, uint64_t{});
    case kInt16:
      return number(int16_t{}, int64_t{});
    case kUint32:
      return number(uint32_t{}, uint64_t{});
    case kInt32:
      return number(int32_t{}, int64_t{});
    case kFloat32:
      return number(float{}, double{});
    case kUint64:
      return number(uint64_t{}, uint64_t{});
    case kInt64:
      return number(int64_t{}, int64_t{});
    case kFloat64:
      return number(double{}, double{});
    case kBool: {
      uint8_t byte = 0;
      if (!Read(byte)) return false;
      if (byte > 1) return Corrupt(fmt::format("a bool of value {}", byte));
      out.value = byte == 1;
      return true;
    }
    case kString:
      return ReadString(out.value.emplace<std::string>(), limits_.max_string_bytes);
    default:
      return Fail(ErrorCode::kUnsupported, fmt::format("unknown value type {}", type));
  }
}

bool GgufParser::ParseArray(uint32_t depth, GgufArray& out) {
  if (depth > limits_.max_array_depth) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("arrays nested deeper than {} levels", limits_.max_array_depth));
  }
  uint32_t type = 0;
  uint64_t count = 0;
  if (!Read(type) || !Read(count)) return false;
  if (count > limits_.max_array_elements) {
    return Corrupt(fmt::format("an array of {} elements, more than the limit of {}", count,
                               limits_.max_array_elements));
  }
  switch (type) {
    case kUint8:
      return ParseNumbers<uint8_t, uint64_t>(count, out);
    case kInt8:
      return ParseNumbers<int8_t, int64_t>(count, out);
    case kUint16:
      return ParseNumbers<uint16_t, uint64_t>(count, out);
    case kInt16:
      return ParseNumbers<int16_t, int64_t>(count, out);
    case kUint32:
      return ParseNumbers<uint32_t, uint64_t>(count, out);
    case kInt32:
      return ParseNumbers<int32_t, int64_t>(count, out);
    case kFloat32:
      return ParseNumbers<float, double>(count, out);
    case kUint64:
      return ParseNumbers<uint64_t, uint64_t>(count, out);
    case kInt64:
      return ParseNumbers<int64_t, int64_t>(count, out);
    case kFloat64:
      return ParseNumbers<double, double>(count, out);
    case kBool:
      return ParseBools(count, out);
    case kString:
      return ParseStrings(count, out);
    case kArray:
      return ParseNested(count, depth, out);
    default:
      return Fail(ErrorCode::kUnsupported, fmt::format("unknown array element type {}", type));
  }
}

template <typename Stored, typename Kept>
bool GgufParser::ParseNumbers(uint64_t count, GgufArray& out) {
  if (!Require(count * sizeof(Stored), "an array") || !Charge(count * sizeof(Kept))) return false;
  auto& values = out.emplace<std::vector<Kept>>();
  values.resize(count);
  std::array<Stored, 4096> piece;
  for (uint64_t done = 0; done < count;) {
    const uint64_t size = std::min<uint64_t>(piece.size(), count - done);
    if (!ReadBytes(piece.data(), size * sizeof(Stored))) return false;
    std::transform(piece.begin(), piece.begin() + static_cast<ptrdiff_t>(size),
                   values.begin() + static_cast<ptrdiff_t>(done),
                   [](Stored value) { return static_cast<Kept>(value); });
    done += size;
  }
  return true;
}

bool GgufParser::ParseBools(uint64_t count, GgufArray& out) {
  if (!Require(count, "an array") || !Charge(count / 8)) return false;
  auto& values = out.emplace<std::vector<bool>>(count);
  for (uint64_t i = 0; i < count; ++i) {
    uint8_t byte = 0;
    if (!Read(byte)) return false;
    if (byte > 1) return Corrupt(fmt::format("a bool of value {} in an array", byte));
    values[i] = byte == 1;
  }
  return true;
}

bool GgufParser::ParseStrings(uint64_t count, GgufArray& out) {
  if (!Require(count * sizeof(uint64_t), "an array of strings") ||
      !Charge(count * sizeof(std::string))) {
    return false;
  }
  auto& values = out.emplace<std::vector<std::string>>(count);
  for (std::string& value : values) {
    if (!ReadString(value, limits_.max_string_bytes)) return false;
  }
  return true;
}

bool GgufParser::ParseNested(uint64_t count, uint32_t depth, GgufArray& out) {
  if (!Require(count * kMinArrayBytes, "an array of arrays") ||
      !Charge(count * sizeof(GgufValue))) {
    return false;
  }
  auto& values = out.emplace<std::vector<GgufValue>>(count);
  for (GgufValue& value : values) {
    if (!ParseArray(depth + 1, value.value.emplace<GgufArray>())) return false;
  }
  return true;
}

bool GgufParser::CheckDuplicateKeys() {
  std::vector<std::string_view> keys;
  keys.reserve(contents_.metadata.size());
  for (const auto& [key, value] : contents_.metadata) keys.push_back(key);
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice == keys.end()) return true;
  return Corrupt(fmt::format("key {} stands twice", Quoted(*twice)));
}

bool GgufParser::CheckSplit() {
  const GgufValue* value = Find("split.count");
  if (value == nullptr) return true;
  const auto* count = std::get_if<uint64_t>(&value->value);
  if (count != nullptr && *count <= 1) return true;
  if (count == nullptr) return Corrupt("key 'split.count' is not an unsigned integer");
  return Fail(ErrorCode::kUnsupported,
              fmt::format("one of {} parts of a split model, which is not supported; merge the "
                          "parts into one file first (llama.cpp: gguf-split --merge)",
                          *count));
}

bool GgufParser::ReadAlignment(uint64_t& alignment) {
  alignment = 32;
  const GgufValue* value = Find("general.alignment");
  if (value == nullptr) return true;
  const auto* stored = std::get_if<uint64_t>(&value->value);
  if (stored == nullptr) return Corrupt("key 'general.alignment' is not an unsigned integer");
  if (!std::has_single_bit(*stored) || *stored > kMaxAlignment) {
    return Corrupt(fmt::format("general.alignment is {}, not a power of two up to {}", *stored,
                               kMaxAlignment));
  }
  alignment = *stored;
  return true;
}

const GgufValue* GgufParser::Find(std::string_view key) const {
  const auto& metadata = contents_.metadata;
  const auto it = std::find_if(metadata.begin(), metadata.end(),
                               [&](const auto& entry) { return entry.first == key; });
  return it == metadata.end() ? nullptr : &it->second;
}

bool GgufParser::ReadBytes(void* out, uint64_t bytes) {
  if (!Require(bytes, "a value")) return false;
  auto* to = static_cast<std::byte*>(out);
  while (bytes > 0) {
    if (cursor_ == filled_ && !Refill()) return false;
    const size_t piece = static_cast<size_t>(std::min<uint64_t>(bytes, filled_ - cursor_));
    std::memcpy(to, buffer_.data() + cursor_, piece);
    cursor_ += piece;
    to += piece;
    bytes -= piece;
  }
  return true;
}

bool GgufParser::ReadString(std::string& out, uint64_t max_bytes) {
  uint64_t length = 0;
  if (!Read(length)) return false;
  if (length > max_bytes) {
    return Corrupt(
        fmt::format("a string of {} bytes, more than the limit of {}", length, max_bytes));
  }
  if (!Require(length, "a string") || !Charge(length)) return false;
  if (length <= filled_ - cursor_) {
    out.assign(reinterpret_cast<const char*>(buffer_.data() + cursor_), length);
    cursor_ += length;
    return true;
  }
  out.resize(length);
  return ReadBytes(out.data(), length);
}

bool GgufParser::Refill() {
  base_ += filled_;
  cursor_ = 0;
  filled_ = 0;
  const uint64_t size = std::min<uint64_t>(buffer_.size(), file_.bytes() - base_);
  if (auto read = file_.ReadAt(base_, std::span(buffer_).first(size)); !read) {
    error_ = std::move(read.error());
    return false;
  }
  filled_ = size;
  return true;
}

bool GgufParser::Require(uint64_t bytes, const char* what) {
  if (bytes > file_.bytes() - position()) {
    return Corrupt(
        fmt::format("the file of {} bytes ends inside {}; it is damaged or was not "
                    "downloaded whole",
                    file_.bytes(), what));
  }
  if (position() + bytes > limits_.max_metadata_bytes) {
    return Corrupt(
        fmt::format("more than {} bytes of metadata, the limit", limits_.max_metadata_bytes));
  }
  return true;
}

bool GgufParser::Charge(uint64_t bytes) {
  decoded_bytes_ += bytes;
  if (decoded_bytes_ <= limits_.max_decoded_bytes) return true;
  return Fail(ErrorCode::kResourceExhausted,
              fmt::format("its metadata takes more than {} bytes of memory, the limit",
                          limits_.max_decoded_bytes));
}

bool GgufParser::Fail(ErrorCode code, const std::string& what) {
  error_ = Error{code, context_.empty() ? fmt::format("{}: {}", file_.name(), what)
                                        : fmt::format("{}: {}, near byte {}: {}", file_.name(),
                                                      context_, position(), what)};
  return false;
}

bool GgufParser::Corrupt(const std::string& what) { return Fail(ErrorCode::kCorrupt, what); }

}  // namespace dure::formats
