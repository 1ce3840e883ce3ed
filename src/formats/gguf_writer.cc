#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <set>
#include <type_traits>

#include "formats/file.h"
#include "formats/gguf.h"
#include "formats/message.h"

namespace dure::formats {
namespace {

// gguf_metadata_value_type, as far as the writer's setters need it.
constexpr uint32_t kUint32 = 4;
constexpr uint32_t kInt32 = 5;
constexpr uint32_t kFloat32 = 6;
constexpr uint32_t kBool = 7;
constexpr uint32_t kString = 8;
constexpr uint32_t kArray = 9;
constexpr uint32_t kUint64 = 10;

constexpr uint32_t kMaxAlignment = 1 << 20;
constexpr size_t kMaxTensorNameBytes = 64;
constexpr size_t kMaxKeyBytes = 65535;

template <typename T>
void Put(std::string& out, T value) {
  static_assert(std::is_arithmetic_v<T> && std::endian::native == std::endian::little);
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void PutString(std::string& out, const std::string& text) {
  Put(out, static_cast<uint64_t>(text.size()));
  out += text;
}

template <typename T>
std::string EncodeScalar(uint32_t type, T value) {
  std::string out;
  Put(out, type);
  Put(out, value);
  return out;
}

template <typename T>
std::string EncodeArray(uint32_t type, const std::vector<T>& values) {
  std::string out;
  Put(out, kArray);
  Put(out, type);
  Put(out, static_cast<uint64_t>(values.size()));
  for (const T& value : values) {
    if constexpr (std::is_same_v<T, std::string>) {
      PutString(out, value);
    } else {
      Put(out, value);
    }
  }
  return out;
}

std::span<const std::byte> Bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace

struct GgufWriter::Impl {
  struct Tensor {
    std::string name;
    numerics::BlockType type;
    std::vector<uint64_t> ne;
    std::vector<std::byte> data;
  };

  void Set(std::string key, std::string encoded) {
    const auto it = std::find_if(key_values.begin(), key_values.end(),
                                 [&](const auto& entry) { return entry.first == key; });
    if (it != key_values.end()) {
      it->second = std::move(encoded);
    } else {
      key_values.emplace_back(std::move(key), std::move(encoded));
    }
  }

  Result<void> Check(const std::string& path) const;
  static Result<void> CheckTensor(const Tensor& tensor, const std::string& file);
  std::string Header() const;
  uint64_t Padding(uint64_t size) const { return (alignment - size % alignment) % alignment; }

  uint32_t alignment;
  std::vector<std::pair<std::string, std::string>> key_values;  // value: type id and payload
  std::vector<Tensor> tensors;
};

GgufWriter::GgufWriter(uint32_t alignment) : impl_(std::make_unique<Impl>()) {
  impl_->alignment = alignment;
  if (alignment != 32) SetUint32("general.alignment", alignment);
}

GgufWriter::~GgufWriter() = default;

void GgufWriter::SetString(std::string key, std::string value) {
  std::string encoded;
  Put(encoded, kString);
  PutString(encoded, value);
  impl_->Set(std::move(key), std::move(encoded));
}
void GgufWriter::SetUint32(std::string key, uint32_t value) {
  impl_->Set(std::move(key), EncodeScalar(kUint32, value));
}
void GgufWriter::SetInt32(std::string key, int32_t value) {
  impl_->Set(std::move(key), EncodeScalar(kInt32, value));
}
void GgufWriter::SetUint64(std::string key, uint64_t value) {
  impl_->Set(std::move(key), EncodeScalar(kUint64, value));
}
void GgufWriter::SetFloat32(std::string key, float value) {
  impl_->Set(std::move(key), EncodeScalar(kFloat32, value));
}
void GgufWriter::SetBool(std::string key, bool value) {
  impl_->Set(std::move(key), EncodeScalar(kBool, static_cast<uint8_t>(value)));
}
void GgufWriter::SetStrings(std::string key, std::vector<std::string> values) {
  impl_->Set(std::move(key), EncodeArray(kString, values));
}
void GgufWriter::SetInt32s(std::string key, std::vector<int32_t> values) {
  impl_->Set(std::move(key), EncodeArray(kInt32, values));
}
void GgufWriter::SetFloat32s(std::string key, std::vector<float> values) {
  impl_->Set(std::move(key), EncodeArray(kFloat32, values));
}

void GgufWriter::AddTensor(std::string name, numerics::BlockType type, std::vector<uint64_t> ne,
                           std::vector<std::byte> data) {
  impl_->tensors.push_back({std::move(name), type, std::move(ne), std::move(data)});
}

Result<void> GgufWriter::Impl::Check(const std::string& path) const {
  const std::string file = BaseName(path);
  if (!std::has_single_bit(alignment) || alignment > kMaxAlignment) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: alignment {} is not a power of two up to {}", file, alignment,
                            kMaxAlignment));
  }
  for (const auto& [key, value] : key_values) {
    if (!key.empty() && key.size() <= kMaxKeyBytes) continue;
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: key {} must have 1 to {} bytes", file, Quoted(key), kMaxKeyBytes));
  }
  std::set<std::string_view> names;
  for (const Tensor& tensor : tensors) {
    if (auto checked = CheckTensor(tensor, file); !checked) return checked;
    if (!names.insert(tensor.name).second) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: tensor {} was added twice", file, Quoted(tensor.name)));
    }
  }
  return {};
}

Result<void> GgufWriter::Impl::CheckTensor(const Tensor& tensor, const std::string& file) {
  const auto fail = [&](const std::string& what) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: tensor {} {}", file, Quoted(tensor.name), what));
  };
  if (tensor.name.empty() || tensor.name.size() > kMaxTensorNameBytes) {
    return fail(fmt::format("must have a name of 1 to {} bytes", kMaxTensorNameBytes));
  }
  if (tensor.ne.empty() || tensor.ne.size() > 4) return fail("must have 1 to 4 dimensions");
  const numerics::BlockTypeInfo& info = numerics::InfoOf(tensor.type);
  uint64_t values = 1;
  for (const uint64_t ne : tensor.ne) {
    if (ne == 0) return fail("has a dimension of 0");
    if (__builtin_mul_overflow(values, ne, &values)) return fail("has dimensions that overflow");
  }
  const auto block_values = static_cast<uint64_t>(info.block_values);
  if (tensor.ne[0] % block_values != 0) {
    return fail(fmt::format("has {} columns, not a multiple of {}", tensor.ne[0], block_values));
  }
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(values / block_values, static_cast<uint64_t>(info.block_bytes),
                             &bytes) ||
      bytes != tensor.data.size()) {
    return fail(fmt::format("has {} bytes of data, which do not fit its shape and type",
                            tensor.data.size()));
  }
  return {};
}

std::string GgufWriter::Impl::Header() const {
  std::string out = "GGUF";
  Put(out, uint32_t{3});
  Put(out, static_cast<uint64_t>(tensors.size()));
  Put(out, static_cast<uint64_t>(key_values.size()));
  for (const auto& [key, value] : key_values) {
    PutString(out, key);
    out += value;
  }
  uint64_t offset = 0;
  for (const Tensor& tensor : tensors) {
    PutString(out, tensor.name);
    Put(out, static_cast<uint32_t>(tensor.ne.size()));
    for (const uint64_t ne : tensor.ne) Put(out, ne);
    Put(out, static_cast<uint32_t>(tensor.type));
    Put(out, offset);
    offset += tensor.data.size() + Padding(tensor.data.size());
  }
  out.append(Padding(out.size()), '\0');
  return out;
}

Result<void> GgufWriter::Write(const std::string& path) const {
  if (auto checked = impl_->Check(path); !checked) return checked;
  auto file = AtomicFile::Create(path);
  if (!file) return tl::unexpected(file.error());
  const std::string header = impl_->Header();
  if (auto written = file->Append(Bytes(header)); !written) return written;
  for (const Impl::Tensor& tensor : impl_->tensors) {
    if (auto written = file->Append(tensor.data); !written) return written;
    const std::string padding(impl_->Padding(tensor.data.size()), '\0');
    if (auto written = file->Append(Bytes(padding)); !written) return written;
  }
  return file->Commit();
}

}  // namespace dure::formats
