// Reads tensors from a model file and re-lays them, all threads of the team at once.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "models/registry.h"
#include "models/tensor_source.h"
#include "numerics/packed_matrix.h"

namespace dure::models {

/// y = W x (+ bias). weights: [outputs, inputs]; bias: [outputs] or empty.
struct Linear {
  numerics::PackedMatrix weights;
  std::vector<float> bias;

  const float* bias_data() const { return bias.empty() ? nullptr : bias.data(); }
};

/// One projection of every expert of a layer. Each expert's rows are padded to whole groups, so
/// that its groups stand alone.
struct ExpertLinear {
  numerics::PackedMatrix weights;  // [experts * rows rounded up to groups, cols]
  int64_t rows = 0;                // outputs of one expert
  std::vector<float> bias;         // [experts][rows], or empty

  int64_t groups() const { return (rows + numerics::kLanes - 1) / numerics::kLanes; }
  /// Expert `index` as a matrix of its own.
  numerics::PackedView view(int index) const;
  const float* bias_data(int index) const {
    return bias.empty() ? nullptr : bias.data() + index * rows;
  }
};

/// How the rows of a query or key projection stand in the file.
struct HeadRows {
  int head_dim = 0;  // 0: rows are taken as they are
  int rotated_dim =
      0;  // of these, the first rotated_dim are stored as interleaved pairs (0,1), (2,3) ...
};

/// Rows [first, first + outputs) of a tensor that holds `total` rows.
struct RowSlice {
  int64_t first = 0;
  int64_t total = 0;  // 0: the tensor holds just the rows wanted
};

/// All errors name the tensor: kCorrupt (missing, misshapen, not finite), kUnsupported (type), kIo,
/// kResourceExhausted.
class WeightLoader {
 public:
  WeightLoader(const formats::GgufFile& file, const LoadOptions& options);
  WeightLoader(std::unique_ptr<TensorSource> source, const LoadOptions& options);

  bool Has(const std::string& name) const;
  /// Positions the model is loaded for: LoadOptions::context_length, or what it was trained for.
  int context_length(const ModelConfig& config) const;

  /// NAME.weight [outputs, inputs] and, where present, NAME.bias. With `heads`, rows of each head
  /// come out as two halves (the order the rope kernel wants), whatever their order in the file.
  /// With `slice`, the rows are part of a larger tensor.
  Result<Linear> LoadLinear(const std::string& name, int64_t outputs, int64_t inputs,
                            const HeadRows& heads = {}, const RowSlice& slice = {});
  /// NAME.weight [experts, outputs, inputs] and, where present, NAME.bias [experts, outputs].
  Result<ExpertLinear> LoadExperts(const std::string& name, int experts, int64_t outputs,
                                   int64_t inputs);
  /// A vector of float32, from any float type.
  Result<std::vector<float>> LoadVector(const std::string& name, int64_t size);
  /// Row 0 of a float tensor of any number of rows of `size`.
  Result<std::vector<float>> LoadFirstRow(const std::string& name, int64_t size);

  uint64_t packed_bytes() const { return packed_bytes_; }
  /// Multiply-adds of one row with everything loaded so far; of experts, all.
  uint64_t products() const { return products_; }
  /// Of these, those with experts.
  uint64_t expert_products() const { return expert_products_; }
  const std::vector<MemoryRegion>& memory() const { return arena_.regions(); }

 private:
  struct Piece;
  Result<const formats::GgufTensor*> Find(const std::string& name, int64_t rows,
                                          int64_t cols) const;
  Result<void> Pack(const formats::GgufTensor& tensor, const std::vector<Piece>& pieces,
                    const HeadRows& heads, numerics::PackedMatrix* out);
  Result<std::vector<float>> ReadVector(const formats::GgufTensor& tensor);
  Result<std::vector<float>> LoadBias(const std::string& name, int64_t rows, int64_t cols,
                                      const RowSlice& slice);
  void Report(uint64_t bytes);

  std::unique_ptr<TensorSource> source_;
  const LoadOptions& options_;
  uint64_t bytes_total_;
  uint64_t bytes_done_ = 0;
  uint64_t packed_bytes_ = 0;
  uint64_t products_ = 0;
  uint64_t expert_products_ = 0;
  PageArena arena_;
};

}  // namespace dure::models
