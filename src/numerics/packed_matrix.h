// A weight matrix re-laid for the kernels: groups of 16 output rows, as layout.h describes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/error.h"
#include "base/page_arena.h"
#include "numerics/block_type.h"
#include "numerics/layout.h"

namespace dure::numerics {

/// Holds a piece of an arena. Groups may be packed by different threads at once; the rest is const.
class PackedMatrix {
 public:
  PackedMatrix() = default;
  PackedMatrix(PackedMatrix&&) noexcept = default;
  PackedMatrix& operator=(PackedMatrix&&) noexcept = default;

  /// [rows, cols]: rows outputs, cols inputs. Errors: kInvalidArgument (cols not whole blocks),
  /// kResourceExhausted.
  static Result<PackedMatrix> Allocate(BlockType type, int64_t rows, int64_t cols,
                                       PageArena* arena);

  int64_t groups() const { return (view_.rows + kLanes - 1) / kLanes; }
  int64_t rows() const { return view_.rows; }
  int64_t cols() const { return view_.cols; }
  BlockType type() const { return view_.type; }
  uint64_t bytes() const { return bytes_; }
  bool empty() const { return view_.data == nullptr; }
  const PackedView& view() const { return view_; }

  /// Bytes of one row as the file holds it.
  int64_t file_row_bytes() const;

  /// Re-lays one group from the file's rows; rows[lane] is nullptr past the last row. False when a
  /// scale is not finite.
  bool PackGroup(int64_t group, std::span<const std::byte* const, kLanes> rows);

  /// Row `row` as float32, from the re-laid form, by the formula of docs/numerics.md. out.size() ==
  /// cols.
  void DequantizeRow(int64_t row, std::span<float> out) const;

 private:
  uint8_t* GroupData(int64_t group) { return data_.get() + group * view_.group_bytes; }
  bool PackFloats(int64_t group, std::span<const std::byte* const, kLanes> rows);

  PackedView view_{};
  std::shared_ptr<uint8_t> data_;  // a piece of an arena
  uint64_t bytes_ = 0;
};

/// The unsigned code (after its table) of value k of lane `lane`, read from a group's re-laid
/// codes.
int PackedCode(const TypeLayout& layout, const uint8_t* group, int lane, int64_t k);

/// The scales of one block of one lane, read from the re-laid form.
struct PackedScales {
  float d;
  float m;            // 0 where the type has none
  int8_t scales[16];  // 1 where there are none
  uint8_t mins[16];
};
PackedScales ReadScales(const TypeLayout& layout, const uint8_t* group_scales, int lane,
                        int64_t block);

}  // namespace dure::numerics
