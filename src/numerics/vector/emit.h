// How the sums of a product reach its result. Included inside dure::numerics after the lanes of the
// instruction set; everything has internal linkage.
// NOLINTBEGIN(llvm-header-guard)

namespace {

/// Writes 16 finished sums of one row: bias, residual, and lanes past the last output left alone.
inline void Emit(const PackedView* w, const ProductOut* out, int64_t row, int64_t group, V16 sum) {
  const int64_t output = group * kLanes;
  const int64_t left = w->rows - output;
  float* y = out->y + row * out->stride + output;
  if (left >= kLanes) {
    if (out->bias != nullptr) sum = Add(sum, Load(out->bias + output));
    if (out->add) sum = Add(Load(y), sum);
    Store(y, sum);
    return;
  }
  const int n = static_cast<int>(left);
  if (out->bias != nullptr) sum = Add(sum, LoadN(out->bias + output, n));
  if (out->add) sum = Add(LoadN(y, n), sum);
  StoreN(y, sum, n);
}

}  // namespace
// NOLINTEND(llvm-header-guard)
