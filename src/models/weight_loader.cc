#include "models/weight_loader.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <numeric>
#include <optional>
#include <span>

#include "base/thread_team.h"
#include "formats/gguf.h"
#include "numerics/blocks.h"

namespace dure::models {
namespace {

using formats::GgufTensor;
using numerics::kLanes;

/// About how much of a tensor one thread reads at a time.
constexpr int64_t kReadBytes = 1 << 20;

/// What all weights take once re-laid: sub-scales of some types are widened to bytes.
size_t RegionBytes(const TensorSource& source) {
  return static_cast<size_t>(source.bytes() / 16 * 17);
}

/// The row of the file that becomes row `row` of a head.
int64_t FileRow(int64_t row, const HeadRows& heads) {
  if (heads.head_dim == 0) return row;
  const int64_t head = row / heads.head_dim;
  const int64_t i = row % heads.head_dim;
  const int64_t half = heads.rotated_dim / 2;
  int64_t from = i;
  if (i < half) {
    from = 2 * i;
  } else if (i < heads.rotated_dim) {
    from = 2 * (i - half) + 1;
  }
  return head * heads.head_dim + from;
}

}  // namespace

numerics::PackedView ExpertLinear::view(int index) const {
  numerics::PackedView view = weights.view();
  view.data += index * groups() * view.group_bytes;
  view.rows = rows;
  return view;
}

/// Rows of the file that one thread reads and packs together, and the group they start at.
struct WeightLoader::Piece {
  int64_t file_row;
  int64_t rows;
  int64_t group;
};

WeightLoader::WeightLoader(const formats::GgufFile& file, const LoadOptions& options)
    : WeightLoader(GgufTensors(file), options) {}

WeightLoader::WeightLoader(std::unique_ptr<TensorSource> source, const LoadOptions& options)
    : source_(std::move(source)),
      options_(options),
      bytes_total_(source_->bytes()),
      arena_(RegionBytes(*source_)) {}

bool WeightLoader::Has(const std::string& name) const { return source_->Find(name) != nullptr; }

int WeightLoader::context_length(const ModelConfig& config) const {
  return options_.context_length > 0 ? options_.context_length : config.context_length;
}

void WeightLoader::Report(uint64_t bytes) {
  bytes_done_ += bytes;
  if (options_.on_progress) options_.on_progress({bytes_done_, bytes_total_});
}

Result<const GgufTensor*> WeightLoader::Find(const std::string& name, int64_t rows,
                                             int64_t cols) const {
  const GgufTensor* tensor = source_->Find(name);
  if (tensor == nullptr) {
    return Fail(ErrorCode::kCorrupt, "the model file lacks the tensor \"" + name + "\"");
  }
  if (tensor->cols() != static_cast<uint64_t>(cols) ||
      tensor->rows() != static_cast<uint64_t>(rows)) {
    return Fail(ErrorCode::kCorrupt,
                "tensor \"" + name + "\" is " + std::to_string(tensor->rows()) + " x " +
                    std::to_string(tensor->cols()) + ", the model's settings want " +
                    std::to_string(rows) + " x " + std::to_string(cols));
  }
  return tensor;
}

Result<void> WeightLoader::Pack(const GgufTensor& tensor, const std::vector<Piece>& pieces,
                                const HeadRows& heads, numerics::PackedMatrix* out) {
  const int64_t row_bytes = out->file_row_bytes();
  std::atomic<size_t> next{0};
  std::mutex mutex;
  std::optional<Error> failure;
  const auto pack_piece = [&](const Piece& piece, std::vector<std::byte>* raw) -> Result<void> {
    raw->resize(static_cast<size_t>(piece.rows * row_bytes));
    auto read = source_->Read(tensor, static_cast<uint64_t>(piece.file_row * row_bytes), *raw);
    if (!read) return read;
    for (int64_t begin = 0; begin < piece.rows; begin += kLanes) {
      const std::byte* rows[kLanes];
      for (int lane = 0; lane < kLanes; ++lane) {
        const int64_t row = begin + lane;
        rows[lane] = row < piece.rows ? raw->data() + FileRow(row, heads) * row_bytes : nullptr;
      }
      if (out->PackGroup(piece.group + begin / kLanes, rows)) continue;
      return Fail(ErrorCode::kCorrupt,
                  "tensor \"" + tensor.name + "\" has a scale that is not a finite number");
    }
    return {};
  };
  options_.team->Run([&](int) {
    std::vector<std::byte> raw;
    for (size_t i = next.fetch_add(1); i < pieces.size(); i = next.fetch_add(1)) {
      auto packed = pack_piece(pieces[i], &raw);
      if (packed) continue;
      const std::lock_guard lock(mutex);
      failure = std::move(packed.error());
      next.store(pieces.size());
    }
  });
  if (failure) return tl::unexpected(*std::move(failure));
  return {};
}

Result<Linear> WeightLoader::LoadLinear(const std::string& name, int64_t outputs, int64_t inputs,
                                        const HeadRows& heads, const RowSlice& slice) {
  const int64_t total = slice.total > 0 ? slice.total : outputs;
  auto tensor = Find(name + ".weight", total, inputs);
  if (!tensor) return tl::unexpected(tensor.error());
  auto packed = numerics::PackedMatrix::Allocate((*tensor)->type, outputs, inputs, &arena_);
  if (!packed) return tl::unexpected(packed.error());
  Linear linear;
  linear.weights = std::move(*packed);
  // Whole groups, and whole heads where rows move inside a head.
  const int64_t unit = heads.head_dim == 0 ? kLanes : std::lcm<int64_t>(kLanes, heads.head_dim);
  const int64_t step =
      std::max<int64_t>(1, kReadBytes / (linear.weights.file_row_bytes() * unit)) * unit;
  std::vector<Piece> pieces;
  for (int64_t row = 0; row < outputs; row += step) {
    pieces.push_back({slice.first + row, std::min(step, outputs - row), row / kLanes});
  }
  auto done = Pack(**tensor, pieces, heads, &linear.weights);
  if (!done) return tl::unexpected(done.error());
  packed_bytes_ += linear.weights.bytes();
  products_ += static_cast<uint64_t>(outputs * inputs);
  Report((*tensor)->bytes / static_cast<uint64_t>(total) * static_cast<uint64_t>(outputs));
  if (Has(name + ".bias")) {
    auto bias = LoadBias(name + ".bias", 1, outputs, slice);
    if (!bias) return tl::unexpected(bias.error());
    linear.bias.resize(bias->size());
    for (int64_t row = 0; row < outputs; ++row) linear.bias[row] = (*bias)[FileRow(row, heads)];
  }
  return linear;
}

Result<ExpertLinear> WeightLoader::LoadExperts(const std::string& name, int experts,
                                               int64_t outputs, int64_t inputs) {
  auto tensor = Find(name + ".weight", experts * outputs, inputs);
  if (!tensor) return tl::unexpected(tensor.error());
  if ((*tensor)->ne.size() != 3 || (*tensor)->ne[2] != static_cast<uint64_t>(experts)) {
    return Fail(ErrorCode::kCorrupt, "tensor \"" + name + ".weight\" does not hold " +
                                         std::to_string(experts) + " experts");
  }
  ExpertLinear linear;
  linear.rows = outputs;
  auto packed = numerics::PackedMatrix::Allocate(
      (*tensor)->type, experts * linear.groups() * kLanes, inputs, &arena_);
  if (!packed) return tl::unexpected(packed.error());
  linear.weights = std::move(*packed);
  const int64_t step =
      std::max<int64_t>(1, kReadBytes / (linear.weights.file_row_bytes() * kLanes)) * kLanes;
  std::vector<Piece> pieces;
  for (int expert = 0; expert < experts; ++expert) {
    for (int64_t row = 0; row < outputs; row += step) {
      pieces.push_back({expert * outputs + row, std::min(step, outputs - row),
                        expert * linear.groups() + row / kLanes});
    }
  }
  auto done = Pack(**tensor, pieces, {}, &linear.weights);
  if (!done) return tl::unexpected(done.error());
  packed_bytes_ += linear.weights.bytes();
  products_ += static_cast<uint64_t>(experts * outputs * inputs);
  expert_products_ += static_cast<uint64_t>(experts * outputs * inputs);
  Report((*tensor)->bytes);
  if (Has(name + ".bias")) {
    auto bias = LoadBias(name + ".bias", experts, outputs, {});
    if (!bias) return tl::unexpected(bias.error());
    linear.bias = *std::move(bias);
  }
  return linear;
}

Result<std::vector<float>> WeightLoader::ReadVector(const GgufTensor& tensor) {
  const auto& info = numerics::InfoOf(tensor.type);
  if (info.block_values != 1) {
    return Fail(ErrorCode::kUnsupported, "tensor \"" + tensor.name + "\" is " +
                                             std::string(info.name) +
                                             ", but vectors must be F32, F16 or BF16");
  }
  std::vector<std::byte> raw(tensor.bytes);
  auto read = source_->Read(tensor, 0, raw);
  if (!read) return tl::unexpected(read.error());
  std::vector<float> out(static_cast<size_t>(tensor.rows() * tensor.cols()));
  numerics::DequantizeBlocks(tensor.type, raw.data(), out);
  for (const float value : out) {
    if (!std::isfinite(value)) {
      return Fail(ErrorCode::kCorrupt,
                  "tensor \"" + tensor.name + "\" has a value that is not a finite number");
    }
  }
  return out;
}

Result<std::vector<float>> WeightLoader::LoadVector(const std::string& name, int64_t size) {
  return LoadBias(name, 1, size, {});
}

Result<std::vector<float>> WeightLoader::LoadFirstRow(const std::string& name, int64_t size) {
  const GgufTensor* tensor = source_->Find(name);
  if (tensor == nullptr) return LoadVector(name, size);  // the error names it
  auto values = LoadBias(name, static_cast<int64_t>(tensor->rows()), size, {});
  if (values) values->resize(static_cast<size_t>(size));
  return values;
}

Result<std::vector<float>> WeightLoader::LoadBias(const std::string& name, int64_t rows,
                                                  int64_t cols, const RowSlice& slice) {
  const int64_t total = slice.total > 0 ? slice.total : cols;
  auto tensor = Find(name, rows, total);
  if (!tensor) return tl::unexpected(tensor.error());
  auto values = ReadVector(**tensor);
  if (!values) return values;
  Report((*tensor)->bytes / static_cast<uint64_t>(total) * static_cast<uint64_t>(cols));
  if (slice.total == 0) return values;
  return std::vector<float>(values->begin() + slice.first, values->begin() + slice.first + cols);
}

}  // namespace dure::models
