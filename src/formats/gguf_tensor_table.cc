// The tensor table: names, shapes, types, and where in the file each tensor's bytes lie.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

#include "formats/gguf_parser.h"
#include "formats/message.h"

namespace dure::formats {
namespace {

constexpr uint64_t kMaxTensorNameBytes = 64;  // gguf.md

// Types of ggml that are not a BlockType, so that a message can name them.
std::string_view UnsupportedTypeName(uint32_t type) {
  static constexpr std::array<std::pair<uint32_t, std::string_view>, 21> kNames = {
      {{4, "Q4_2"},    {5, "Q4_3"},      {9, "Q8_1"},      {15, "Q8_K"},     {16, "IQ2_XXS"},
       {17, "IQ2_XS"}, {18, "IQ3_XXS"},  {19, "IQ1_S"},    {21, "IQ3_S"},    {22, "IQ2_S"},
       {24, "I8"},     {25, "I16"},      {26, "I32"},      {27, "I64"},      {28, "F64"},
       {29, "IQ1_M"},  {31, "Q4_0_4_4"}, {32, "Q4_0_4_8"}, {33, "Q4_0_8_8"}, {34, "TQ1_0"},
       {35, "TQ2_0"}}};
  for (const auto& [id, name] : kNames) {
    if (id == type) return name;
  }
  return {};
}

std::optional<uint64_t> Multiply(uint64_t a, uint64_t b) {
  uint64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

}  // namespace

bool GgufParser::ParseTensor(uint64_t alignment) {
  context_ = fmt::format("tensor {}", contents_.tensors.size());
  GgufTensor tensor{};
  if (!ReadString(tensor.name, kMaxTensorNameBytes)) return false;
  if (tensor.name.empty()) return Corrupt("an empty tensor name");
  context_ = "tensor " + Quoted(tensor.name);
  if (!ParseDimensions(tensor) || !ParseTensorType(tensor) || !Read(tensor.offset)) return false;
  if (tensor.offset % alignment != 0) {
    return Corrupt(
        fmt::format("offset {} is not a multiple of the alignment {}", tensor.offset, alignment));
  }
  contents_.tensors.push_back(std::move(tensor));
  return true;
}

bool GgufParser::ParseDimensions(GgufTensor& tensor) {
  uint32_t dimensions = 0;
  if (!Read(dimensions)) return false;
  if (dimensions < 1 || dimensions > 4) {
    return Corrupt(fmt::format("{} dimensions; 1 to 4 are allowed", dimensions));
  }
  tensor.ne.resize(dimensions);
  uint64_t values = 1;
  for (uint64_t& ne : tensor.ne) {
    if (!Read(ne)) return false;
    if (ne == 0) return Corrupt("a dimension of 0");
    if (__builtin_mul_overflow(values, ne, &values)) return Corrupt("its dimensions overflow");
  }
  return true;
}

bool GgufParser::ParseTensorType(GgufTensor& tensor) {
  uint32_t type = 0;
  if (!Read(type)) return false;
  const numerics::BlockTypeInfo* info = numerics::FindBlockType(type);
  if (info == nullptr) {
    const std::string_view name = UnsupportedTypeName(type);
    return Fail(ErrorCode::kUnsupported,
                fmt::format("type {}{} is not supported; get the model in another quantisation, "
                            "such as Q4_K_M or Q8_0",
                            type, name.empty() ? " (unknown)" : fmt::format(" ({})", name)));
  }
  tensor.type = info->type;
  const auto block_values = static_cast<uint64_t>(info->block_values);
  if (tensor.cols() % block_values != 0) {
    return Corrupt(fmt::format("{} columns are not a multiple of {}, the block size of {}",
                               tensor.cols(), block_values, info->name));
  }
  const auto bytes = Multiply(tensor.cols() / block_values * tensor.rows(),
                              static_cast<uint64_t>(info->block_bytes));
  if (!bytes) return Corrupt("its size overflows");
  tensor.bytes = *bytes;
  return true;
}

bool GgufParser::PlaceTensors(uint64_t alignment) {
  // The metadata limit keeps position() far from overflow.
  const uint64_t data_start = (position() + alignment - 1) / alignment * alignment;
  for (GgufTensor& tensor : contents_.tensors) {
    context_ = "tensor " + Quoted(tensor.name);
    uint64_t end = 0;
    if (__builtin_add_overflow(tensor.offset, data_start, &tensor.offset) ||
        __builtin_add_overflow(tensor.offset, tensor.bytes, &end) || end > file_.bytes()) {
      return Corrupt(fmt::format("its {} bytes lie outside the file of {} bytes", tensor.bytes,
                                 file_.bytes()));
    }
  }
  std::vector<size_t> order(contents_.tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto& tensors = contents_.tensors;
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return tensors[a].offset < tensors[b].offset; });
  for (size_t i = 1; i < order.size(); ++i) {
    const GgufTensor& before = tensors[order[i - 1]];
    const GgufTensor& after = tensors[order[i]];
    if (before.offset + before.bytes > after.offset) {
      context_ = "tensor " + Quoted(after.name);
      return Corrupt("overlaps tensor " + Quoted(before.name));
    }
  }
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return tensors[a].name < tensors[b].name; });
  for (size_t i = 1; i < order.size(); ++i) {
    if (tensors[order[i - 1]].name != tensors[order[i]].name) continue;
    context_ = "tensor " + Quoted(tensors[order[i]].name);
    return Corrupt("stands twice");
  }
  return true;
}

}  // namespace dure::formats
