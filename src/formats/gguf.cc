#include "formats/gguf.h"

#include <fmt/format.h>

#include <limits>
#include <type_traits>
#include <unordered_map>

#include "formats/file.h"
#include "formats/gguf_parser.h"
#include "formats/message.h"

namespace dure::formats {

uint64_t GgufTensor::rows() const {
  uint64_t product = 1;
  for (size_t i = 1; i < ne.size(); ++i) product *= ne[i];
  return product;
}

struct GgufFile::Impl {
  explicit Impl(InputFile opened) : file(std::move(opened)) {}

  Error Absent(std::string_view key) const {
    return {ErrorCode::kNotFound, fmt::format("{}: key {} is missing", file.name(), Quoted(key))};
  }
  Error WrongKind(std::string_view key, std::string_view wanted) const {
    return {ErrorCode::kCorrupt,
            fmt::format("{}: key {} is not {}", file.name(), Quoted(key), wanted)};
  }

  InputFile file;
  GgufContents contents;
  // Views into contents, which does not change once the file is open.
  std::unordered_map<std::string_view, const GgufValue*> values;
  std::unordered_map<std::string_view, const GgufTensor*> tensors;
};

GgufFile::GgufFile() = default;
GgufFile::~GgufFile() = default;

Result<std::unique_ptr<GgufFile>> GgufFile::Open(const std::string& path,
                                                 const GgufLimits& limits) {
  auto input = InputFile::Open(path);
  if (!input) return tl::unexpected(input.error());
  auto contents = GgufParser(*input, limits).Parse();
  if (!contents) return tl::unexpected(contents.error());

  std::unique_ptr<GgufFile> file(new GgufFile());
  file->impl_ = std::make_unique<Impl>(std::move(*input));
  Impl& impl = *file->impl_;
  impl.contents = std::move(*contents);
  for (const auto& [key, value] : impl.contents.metadata) impl.values.emplace(key, &value);
  for (const GgufTensor& tensor : impl.contents.tensors) impl.tensors.emplace(tensor.name, &tensor);
  return file;
}

uint32_t GgufFile::version() const { return impl_->contents.version; }
uint64_t GgufFile::file_bytes() const { return impl_->file.bytes(); }
const std::string& GgufFile::path() const { return impl_->file.path(); }

const GgufValue* GgufFile::Find(std::string_view key) const {
  const auto it = impl_->values.find(key);
  return it == impl_->values.end() ? nullptr : it->second;
}

const std::vector<std::pair<std::string, GgufValue>>& GgufFile::metadata() const {
  return impl_->contents.metadata;
}

Result<std::string> GgufFile::GetString(std::string_view key) const {
  const GgufValue* found = Find(key);
  if (found == nullptr) return tl::unexpected(impl_->Absent(key));
  if (const auto* text = std::get_if<std::string>(&found->value)) return *text;
  return tl::unexpected(impl_->WrongKind(key, "a string"));
}

Result<uint64_t> GgufFile::GetUint(std::string_view key) const {
  const GgufValue* found = Find(key);
  if (found == nullptr) return tl::unexpected(impl_->Absent(key));
  if (const auto* value = std::get_if<uint64_t>(&found->value)) return *value;
  if (const auto* value = std::get_if<int64_t>(&found->value); value != nullptr && *value >= 0) {
    return static_cast<uint64_t>(*value);
  }
  return tl::unexpected(impl_->WrongKind(key, "a non-negative integer"));
}

Result<int64_t> GgufFile::GetInt(std::string_view key) const {
  const GgufValue* found = Find(key);
  if (found == nullptr) return tl::unexpected(impl_->Absent(key));
  if (const auto* value = std::get_if<int64_t>(&found->value)) return *value;
  if (const auto* value = std::get_if<uint64_t>(&found->value);
      value != nullptr && *value <= std::numeric_limits<int64_t>::max()) {
    return static_cast<int64_t>(*value);
  }
  return tl::unexpected(impl_->WrongKind(key, "an integer of 64 bits"));
}

Result<double> GgufFile::GetFloat(std::string_view key) const {
  const GgufValue* found = Find(key);
  if (found == nullptr) return tl::unexpected(impl_->Absent(key));
  if (const auto* value = std::get_if<double>(&found->value)) return *value;
  if (const auto* value = std::get_if<int64_t>(&found->value)) return static_cast<double>(*value);
  if (const auto* value = std::get_if<uint64_t>(&found->value)) return static_cast<double>(*value);
  return tl::unexpected(impl_->WrongKind(key, "a number"));
}

Result<bool> GgufFile::GetBool(std::string_view key) const {
  const GgufValue* found = Find(key);
  if (found == nullptr) return tl::unexpected(impl_->Absent(key));
  if (const auto* value = std::get_if<bool>(&found->value)) return *value;
  return tl::unexpected(impl_->WrongKind(key, "a bool"));
}

Result<std::string> GgufFile::GetString(std::string_view key, std::string fallback) const {
  if (Find(key) == nullptr) return fallback;
  return GetString(key);
}

Result<uint64_t> GgufFile::GetUint(std::string_view key, uint64_t fallback) const {
  if (Find(key) == nullptr) return fallback;
  return GetUint(key);
}

Result<double> GgufFile::GetFloat(std::string_view key, double fallback) const {
  if (Find(key) == nullptr) return fallback;
  return GetFloat(key);
}

Result<bool> GgufFile::GetBool(std::string_view key, bool fallback) const {
  if (Find(key) == nullptr) return fallback;
  return GetBool(key);
}

const std::vector<std::string>* GgufFile::FindStrings(std::string_view key) const {
  const GgufValue* found = Find(key);
  if (found == nullptr) return nullptr;
  const auto* array = std::get_if<GgufArray>(&found->value);
  return array == nullptr ? nullptr : std::get_if<std::vector<std::string>>(array);
}

Result<std::vector<double>> GgufFile::GetFloats(std::string_view key) const {
  const GgufValue* found = Find(key);
  if (found == nullptr) return tl::unexpected(impl_->Absent(key));
  if (const auto* array = std::get_if<GgufArray>(&found->value)) {
    if (const auto* values = std::get_if<std::vector<double>>(array)) return *values;
    if (const auto* values = std::get_if<std::vector<int64_t>>(array)) {
      return std::vector<double>(values->begin(), values->end());
    }
    if (const auto* values = std::get_if<std::vector<uint64_t>>(array)) {
      return std::vector<double>(values->begin(), values->end());
    }
  }
  return tl::unexpected(impl_->WrongKind(key, "an array of numbers"));
}

Result<std::vector<int64_t>> GgufFile::GetInts(std::string_view key) const {
  const GgufValue* found = Find(key);
  if (found == nullptr) return tl::unexpected(impl_->Absent(key));
  if (const auto* array = std::get_if<GgufArray>(&found->value)) {
    if (const auto* values = std::get_if<std::vector<int64_t>>(array)) return *values;
    if (const auto* values = std::get_if<std::vector<uint64_t>>(array)) {
      std::vector<int64_t> out;
      out.reserve(values->size());
      for (const uint64_t value : *values) {
        if (value > std::numeric_limits<int64_t>::max()) {
          return tl::unexpected(impl_->WrongKind(key, "an array of 64-bit integers"));
        }
        out.push_back(static_cast<int64_t>(value));
      }
      return out;
    }
  }
  return tl::unexpected(impl_->WrongKind(key, "an array of integers"));
}

const std::vector<GgufTensor>& GgufFile::tensors() const { return impl_->contents.tensors; }

const GgufTensor* GgufFile::FindTensor(std::string_view name) const {
  const auto it = impl_->tensors.find(name);
  return it == impl_->tensors.end() ? nullptr : it->second;
}

Result<void> GgufFile::ReadTensor(const GgufTensor& tensor, uint64_t byte_offset,
                                  std::span<std::byte> out) const {
  uint64_t start = 0;
  if (byte_offset > tensor.bytes || out.size() > tensor.bytes - byte_offset ||
      __builtin_add_overflow(tensor.offset, byte_offset, &start)) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: tensor {} has {} bytes; bytes {} to {} were asked for", impl_->file.name(),
                    Quoted(tensor.name), tensor.bytes, byte_offset, byte_offset + out.size()));
  }
  return impl_->file.ReadAt(start, out).map_error([&](Error error) {
    error.message += fmt::format(" (tensor {})", Quoted(tensor.name));
    return error;
  });
}

}  // namespace dure::formats
