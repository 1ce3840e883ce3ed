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

uint64_t TensorBytes(const formats::GgufFile& file) {
  uint64_t bytes = 0;
  for (const GgufTensor& tensor : file.tensors()) bytes += tensor.bytes;
  return bytes;
}

/// What all weights take once re-laid: sub-scales of some types are widened to bytes.
size_t RegionBytes(const formats::GgufFile& file) {
  return static_cast<size_t>(TensorBytes(file) / 16 * 17);
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

/// Rows that one thread reads and packs together: whole groups, and whole heads where rows move
/// inside a head.
int64_t RowsAtOnce(const numerics::PackedMatrix& m, const HeadRows& heads) {
  const int64_t unit = heads.head_dim == 0 ? kLanes : std::lcm<int64_t>(kLanes, heads.head_dim);
  return std::max<int64_t>(1, kReadBytes / (m.file_row_bytes() * unit)) * unit;
}

/// Packs the rows [begin, end) of `raw`, which holds them in file order.
bool PackPart(const HeadRows& heads, const std::byte* raw, int64_t begin, int64_t end,
              numerics::PackedMatrix* out) {
  for (int64_t group = begin / kLanes; group * kLanes < end; ++group) {
    const std::byte* rows[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) {
      const int64_t row = group * kLanes + lane;
      rows[lane] =
          row < end ? raw + (FileRow(row, heads) - begin) * out->file_row_bytes() : nullptr;
    }
    if (!out->PackGroup(group, rows)) return false;
  }
  return true;
}

}  // namespace

WeightLoader::WeightLoader(const formats::GgufFile& file, const LoadOptions& options)
    : file_(file), options_(options), bytes_total_(TensorBytes(file)), arena_(RegionBytes(file)) {}

bool WeightLoader::Has(const std::string& name) const { return file_.FindTensor(name) != nullptr; }

void WeightLoader::Report(uint64_t bytes) {
  bytes_done_ += bytes;
  if (options_.on_progress) options_.on_progress({bytes_done_, bytes_total_});
}

Result<const GgufTensor*> WeightLoader::Find(const std::string& name, int64_t rows,
                                             int64_t cols) const {
  const GgufTensor* tensor = file_.FindTensor(name);
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

Result<void> WeightLoader::PackRows(const GgufTensor& tensor, const HeadRows& heads,
                                    numerics::PackedMatrix* out) {
  const int64_t step = RowsAtOnce(*out, heads);
  const int64_t row_bytes = out->file_row_bytes();
  std::atomic<int64_t> next{0};
  std::mutex mutex;
  std::optional<Error> failure;
  options_.team->Run([&](int) {
    std::vector<std::byte> raw;
    for (;;) {
      const int64_t begin = next.fetch_add(step);
      if (begin >= out->rows()) return;
      const int64_t end = std::min(begin + step, out->rows());
      raw.resize(static_cast<size_t>((end - begin) * row_bytes));
      auto read = file_.ReadTensor(tensor, static_cast<uint64_t>(begin * row_bytes), raw);
      std::optional<Error> error;
      if (!read) {
        error = read.error();
      } else if (!PackPart(heads, raw.data(), begin, end, out)) {
        error = Error{ErrorCode::kCorrupt,
                      "tensor \"" + tensor.name + "\" has a scale that is not a finite number"};
      }
      if (error) {
        const std::lock_guard lock(mutex);
        failure = std::move(error);
        next.store(out->rows());
        return;
      }
    }
  });
  if (failure) return tl::unexpected(*std::move(failure));
  return {};
}

Result<Linear> WeightLoader::LoadLinear(const std::string& name, int64_t outputs, int64_t inputs,
                                        const HeadRows& heads) {
  auto tensor = Find(name + ".weight", outputs, inputs);
  if (!tensor) return tl::unexpected(tensor.error());
  auto packed = numerics::PackedMatrix::Allocate((*tensor)->type, outputs, inputs, &arena_);
  if (!packed) return tl::unexpected(packed.error());
  Linear linear;
  linear.weights = std::move(*packed);
  auto done = PackRows(**tensor, heads, &linear.weights);
  if (!done) return tl::unexpected(done.error());
  packed_bytes_ += linear.weights.bytes();
  Report((*tensor)->bytes);
  if (Has(name + ".bias")) {
    auto bias = LoadVector(name + ".bias", outputs);
    if (!bias) return tl::unexpected(bias.error());
    linear.bias.resize(bias->size());
    for (int64_t row = 0; row < outputs; ++row) linear.bias[row] = (*bias)[FileRow(row, heads)];
  }
  return linear;
}

Result<std::vector<float>> WeightLoader::LoadVector(const std::string& name, int64_t size) {
  auto tensor = Find(name, 1, size);
  if (!tensor) return tl::unexpected(tensor.error());
  const auto& info = numerics::InfoOf((*tensor)->type);
  if (info.block_values != 1) {
    return Fail(ErrorCode::kUnsupported, "tensor \"" + name + "\" is " + std::string(info.name) +
                                             ", but vectors must be F32, F16 or BF16");
  }
  std::vector<std::byte> raw((*tensor)->bytes);
  auto read = file_.ReadTensor(**tensor, 0, raw);
  if (!read) return tl::unexpected(read.error());
  std::vector<float> out(static_cast<size_t>(size));
  numerics::DequantizeBlocks((*tensor)->type, raw.data(), out);
  for (const float value : out) {
    if (!std::isfinite(value)) {
      return Fail(ErrorCode::kCorrupt,
                  "tensor \"" + name + "\" has a value that is not a finite number");
    }
  }
  Report((*tensor)->bytes);
  return out;
}

}  // namespace dure::models
