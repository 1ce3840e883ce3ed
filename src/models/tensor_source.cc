#include "models/tensor_source.h"

#include <map>
#include <optional>
#include <utility>

#include "formats/safetensors.h"

namespace dure::models {
namespace {

using formats::GgufTensor;
using formats::SafetensorsTensor;
using formats::SafetensorsType;
using numerics::BlockType;

class GgufSource : public TensorSource {
 public:
  explicit GgufSource(const formats::GgufFile& file) : file_(file) {
    for (const GgufTensor& tensor : file.tensors()) bytes_ += tensor.bytes;
  }
  const GgufTensor* Find(const std::string& name) const override { return file_.FindTensor(name); }
  Result<void> Read(const GgufTensor& tensor, uint64_t byte_offset,
                    std::span<std::byte> out) const override {
    return file_.ReadTensor(tensor, byte_offset, out);
  }
  uint64_t bytes() const override { return bytes_; }

 private:
  const formats::GgufFile& file_;
  uint64_t bytes_ = 0;
};

std::optional<BlockType> BlockTypeOf(SafetensorsType type) {
  switch (type) {
    case SafetensorsType::kF32:
      return BlockType::kF32;
    case SafetensorsType::kF16:
      return BlockType::kF16;
    case SafetensorsType::kBF16:
      return BlockType::kBF16;
    default:
      return std::nullopt;
  }
}

class SafetensorsSource : public TensorSource {
 public:
  explicit SafetensorsSource(const formats::SafetensorsFile& file) : file_(file) {}

  Result<void> Add(const SafetensorsTensor& stored, std::string name) {
    const std::optional<BlockType> type = BlockTypeOf(stored.type);
    if (!type) return {};
    // Row-major with the slowest dimension first; GGUF counts from the fastest.
    std::vector<uint64_t> ne(stored.shape.rbegin(), stored.shape.rend());
    if (ne.empty()) ne.push_back(1);
    Entry entry = {{name, *type, std::move(ne), stored.offset, stored.bytes}, &stored};
    if (!entries_.emplace(std::move(name), std::move(entry)).second) {
      return Fail(ErrorCode::kCorrupt,
                  "two tensors of the file are \"" + stored.name + "\" in different spellings");
    }
    bytes_ += stored.bytes;
    return {};
  }

  const GgufTensor* Find(const std::string& name) const override {
    const auto found = entries_.find(name);
    return found == entries_.end() ? nullptr : &found->second.tensor;
  }
  Result<void> Read(const GgufTensor& tensor, uint64_t byte_offset,
                    std::span<std::byte> out) const override {
    return file_.ReadTensor(*entries_.at(tensor.name).stored, byte_offset, out);
  }
  uint64_t bytes() const override { return bytes_; }

 private:
  struct Entry {
    GgufTensor tensor;
    const SafetensorsTensor* stored;
  };

  const formats::SafetensorsFile& file_;
  std::map<std::string, Entry> entries_;
  uint64_t bytes_ = 0;
};

}  // namespace

std::unique_ptr<TensorSource> GgufTensors(const formats::GgufFile& file) {
  return std::make_unique<GgufSource>(file);
}

Result<std::unique_ptr<TensorSource>> SafetensorsTensors(
    const formats::SafetensorsFile& file,
    const std::function<std::string(const std::string& name)>& gguf_name) {
  auto source = std::make_unique<SafetensorsSource>(file);
  for (const SafetensorsTensor& tensor : file.tensors()) {
    std::string name = gguf_name(tensor.name);
    if (name.empty()) continue;
    if (auto added = source->Add(tensor, std::move(name)); !added) {
      return tl::unexpected(added.error());
    }
  }
  return source;
}

}  // namespace dure::models
