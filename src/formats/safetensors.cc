#include "formats/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>

#include "formats/file.h"
#include "formats/json_file.h"
#include "formats/message.h"

namespace dure::formats {
namespace {

using nlohmann::json;

constexpr uint64_t kLengthBytes = 8;

struct TypeRow {
  SafetensorsType type;
  std::string_view name;
  size_t bytes;
};

constexpr std::array<TypeRow, 15> kTypes = {{
    {SafetensorsType::kBool, "BOOL", 1},
    {SafetensorsType::kU8, "U8", 1},
    {SafetensorsType::kI8, "I8", 1},
    {SafetensorsType::kF8E4M3, "F8_E4M3", 1},
    {SafetensorsType::kF8E5M2, "F8_E5M2", 1},
    {SafetensorsType::kU16, "U16", 2},
    {SafetensorsType::kI16, "I16", 2},
    {SafetensorsType::kF16, "F16", 2},
    {SafetensorsType::kBF16, "BF16", 2},
    {SafetensorsType::kU32, "U32", 4},
    {SafetensorsType::kI32, "I32", 4},
    {SafetensorsType::kF32, "F32", 4},
    {SafetensorsType::kU64, "U64", 8},
    {SafetensorsType::kI64, "I64", 8},
    {SafetensorsType::kF64, "F64", 8},
}};

const TypeRow& RowOf(SafetensorsType type) {
  return *std::find_if(kTypes.begin(), kTypes.end(),
                       [&](const TypeRow& row) { return row.type == type; });
}

/// The header as JSON, or nothing when it is not JSON; `duplicate` receives a key that stands twice
/// in one object.
std::optional<json> ParseJson(std::string_view text, std::optional<std::string>& duplicate) {
  std::vector<std::set<std::string>> keys;  // by depth
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    const auto level = static_cast<size_t>(depth);
    if (event == json::parse_event_t::object_start) {
      keys.resize(std::max(keys.size(), level + 2));
      keys[level + 1].clear();
    } else if (event == json::parse_event_t::key) {
      auto key = parsed.get<std::string>();
      if (!keys[level].insert(key).second) duplicate = std::move(key);
    }
    return true;
  };
  json parsed = json::parse(text, watch, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) return std::nullopt;
  return parsed;
}

}  // namespace

std::string_view SafetensorsTypeName(SafetensorsType type) { return RowOf(type).name; }
size_t SafetensorsTypeBytes(SafetensorsType type) { return RowOf(type).bytes; }

struct SafetensorsFile::Impl {
  explicit Impl(InputFile opened) : file(std::move(opened)) {}

  Result<void> Load(const SafetensorsLimits& limits);
  Result<std::string> ReadHeader(const SafetensorsLimits& limits);
  Result<void> AddMetadata(const json& value);
  Result<void> AddTensor(const std::string& name, const json& value,
                         const SafetensorsLimits& limits);
  Result<uint64_t> ShapeBytes(const SafetensorsTensor& tensor) const;
  Result<void> CheckLayout();

  tl::unexpected<Error> Corrupt(const std::string& what) const {
    return Fail(ErrorCode::kCorrupt, fmt::format("{}: {}", file.name(), what));
  }
  tl::unexpected<Error> Corrupt(const std::string& tensor, const std::string& what) const {
    return Corrupt(fmt::format("tensor {}: {}", Quoted(tensor), what));
  }

  InputFile file;
  uint64_t data_start = 0;
  std::vector<SafetensorsTensor> tensors;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::unordered_map<std::string_view, const SafetensorsTensor*> by_name;
};

Result<std::string> SafetensorsFile::Impl::ReadHeader(const SafetensorsLimits& limits) {
  if (file.bytes() < kLengthBytes)
    return Corrupt("shorter than 8 bytes, so not a safetensors file");
  uint64_t length = 0;
  std::array<std::byte, kLengthBytes> stored{};
  if (auto read = file.ReadAt(0, stored); !read) return tl::unexpected(read.error());
  std::memcpy(&length, stored.data(), sizeof(length));
  if (length > limits.max_header_bytes) {
    return Corrupt(
        fmt::format("a header of {} bytes, more than the limit of {}; not a safetensors "
                    "file, or a damaged one",
                    length, limits.max_header_bytes));
  }
  if (length > file.bytes() - kLengthBytes) {
    return Corrupt(
        fmt::format("the file of {} bytes ends inside its header of {}", file.bytes(), length));
  }
  std::string header(length, '\0');
  if (auto read = file.ReadAt(kLengthBytes, std::as_writable_bytes(std::span(header))); !read) {
    return tl::unexpected(read.error());
  }
  data_start = kLengthBytes + length;
  if (header.empty() || header.front() != '{') return Corrupt("its header does not begin with {");
  if (const uint32_t depth = JsonDepth(header); depth > limits.max_json_depth) {
    return Corrupt(fmt::format("its header is nested {} levels deep; {} are allowed", depth,
                               limits.max_json_depth));
  }
  return header;
}

Result<void> SafetensorsFile::Impl::Load(const SafetensorsLimits& limits) {
  auto header = ReadHeader(limits);
  if (!header) return tl::unexpected(header.error());
  std::optional<std::string> duplicate;
  const std::optional<json> parsed = ParseJson(*header, duplicate);
  if (!parsed || !parsed->is_object()) return Corrupt("its header is not a JSON object");
  if (duplicate) return Corrupt(fmt::format("name {} stands twice", Quoted(*duplicate)));
  if (parsed->size() > limits.max_tensors) {
    return Corrupt(
        fmt::format("{} tensors, more than the limit of {}", parsed->size(), limits.max_tensors));
  }
  for (const auto& [name, value] : parsed->items()) {
    auto added = name == "__metadata__" ? AddMetadata(value) : AddTensor(name, value, limits);
    if (!added) return added;
  }
  return CheckLayout();
}

Result<void> SafetensorsFile::Impl::AddMetadata(const json& value) {
  if (!value.is_object()) return Corrupt("__metadata__ is not an object");
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string())
      return Corrupt(fmt::format("__metadata__ {} is not a string", Quoted(key)));
    metadata.emplace_back(key, text.get<std::string>());
  }
  return {};
}

Result<void> SafetensorsFile::Impl::AddTensor(const std::string& name, const json& value,
                                              const SafetensorsLimits& limits) {
  if (!value.is_object() || !value.contains("dtype") || !value.contains("shape") ||
      !value.contains("data_offsets")) {
    return Corrupt(name, "dtype, shape and data_offsets are needed");
  }
  const json& dtype = value["dtype"];
  const json& shape = value["shape"];
  const json& offsets = value["data_offsets"];
  if (!dtype.is_string()) return Corrupt(name, "dtype is not a string");
  const auto row = std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeRow& candidate) {
    return candidate.name == dtype.get_ref<const std::string&>();
  });
  if (row == kTypes.end()) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{}: tensor {}: type {} is not supported", file.name(), Quoted(name),
                            Quoted(dtype.get_ref<const std::string&>())));
  }
  const auto is_count = [](const json& element) { return element.is_number_unsigned(); };
  if (!shape.is_array() || shape.size() > limits.max_dimensions ||
      !std::all_of(shape.begin(), shape.end(), is_count)) {
    return Corrupt(name,
                   fmt::format("shape is not an array of at most {} sizes", limits.max_dimensions));
  }
  if (!offsets.is_array() || offsets.size() != 2 ||
      !std::all_of(offsets.begin(), offsets.end(), is_count)) {
    return Corrupt(name, "data_offsets are not two numbers");
  }
  SafetensorsTensor tensor{name, row->type, shape.get<std::vector<uint64_t>>(), 0, 0};
  const auto begin = offsets[0].get<uint64_t>();
  const auto end = offsets[1].get<uint64_t>();
  if (begin > end || end > file.bytes() - data_start) {
    return Corrupt(name, fmt::format("its bytes {} to {} lie outside the file's {} bytes of data",
                                     begin, end, file.bytes() - data_start));
  }
  auto bytes = ShapeBytes(tensor);
  if (!bytes) return tl::unexpected(bytes.error());
  if (*bytes != end - begin) {
    return Corrupt(
        name, fmt::format("its shape and type take {} bytes, its offsets {}", *bytes, end - begin));
  }
  tensor.offset = data_start + begin;
  tensor.bytes = *bytes;
  tensors.push_back(std::move(tensor));
  return {};
}

Result<uint64_t> SafetensorsFile::Impl::ShapeBytes(const SafetensorsTensor& tensor) const {
  uint64_t bytes = SafetensorsTypeBytes(tensor.type);
  for (const uint64_t size : tensor.shape) {
    if (__builtin_mul_overflow(bytes, size, &bytes)) {
      return Corrupt(tensor.name, "its shape overflows");
    }
  }
  return bytes;
}

Result<void> SafetensorsFile::Impl::CheckLayout() {
  std::sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) {
    return std::pair(a.offset, a.bytes) < std::pair(b.offset, b.bytes);
  });
  uint64_t expected = data_start;
  for (const SafetensorsTensor& tensor : tensors) {
    if (tensor.offset != expected) {
      return Corrupt(tensor.name, fmt::format("{} at byte {} of the data",
                                              tensor.offset > expected ? "a hole before it"
                                                                       : "it overlaps another",
                                              tensor.offset - data_start));
    }
    expected += tensor.bytes;
  }
  if (expected != file.bytes()) {
    return Corrupt(fmt::format("{} bytes after the last tensor", file.bytes() - expected));
  }
  for (const SafetensorsTensor& tensor : tensors) by_name.emplace(tensor.name, &tensor);
  return {};
}

SafetensorsFile::SafetensorsFile() = default;
SafetensorsFile::~SafetensorsFile() = default;

Result<std::unique_ptr<SafetensorsFile>> SafetensorsFile::Open(const std::string& path,
                                                               const SafetensorsLimits& limits) {
  auto input = InputFile::Open(path);
  if (!input) return tl::unexpected(input.error());
  std::unique_ptr<SafetensorsFile> file(new SafetensorsFile());
  file->impl_ = std::make_unique<Impl>(std::move(*input));
  if (auto loaded = file->impl_->Load(limits); !loaded) return tl::unexpected(loaded.error());
  return file;
}

const std::string& SafetensorsFile::path() const { return impl_->file.path(); }
uint64_t SafetensorsFile::file_bytes() const { return impl_->file.bytes(); }
const std::vector<SafetensorsTensor>& SafetensorsFile::tensors() const { return impl_->tensors; }

const SafetensorsTensor* SafetensorsFile::FindTensor(std::string_view name) const {
  const auto it = impl_->by_name.find(name);
  return it == impl_->by_name.end() ? nullptr : it->second;
}

const std::vector<std::pair<std::string, std::string>>& SafetensorsFile::metadata() const {
  return impl_->metadata;
}

Result<void> SafetensorsFile::ReadTensor(const SafetensorsTensor& tensor, uint64_t byte_offset,
                                         std::span<std::byte> out) const {
  uint64_t start = 0;
  if (byte_offset > tensor.bytes || out.size() > tensor.bytes - byte_offset ||
      __builtin_add_overflow(tensor.offset, byte_offset, &start)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: tensor {} has {} bytes; {} from byte {} were asked for",
                            impl_->file.name(), Quoted(tensor.name), tensor.bytes, out.size(),
                            byte_offset));
  }
  return impl_->file.ReadAt(start, out).map_error([&](Error error) {
    error.message += fmt::format(" (tensor {})", Quoted(tensor.name));
    return error;
  });
}

}  // namespace dure::formats
