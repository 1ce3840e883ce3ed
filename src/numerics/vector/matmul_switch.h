// From a type known at run time to the kernel compiled for it; shared by the instruction sets,
// included inside their unnamed namespace after MatMulOf.
void MatMul(const PackedView* w, const QuantizedRows* x, int64_t row_begin, int64_t row_end,
            int64_t group_begin, int64_t group_end, const ProductOut* out) {
#define DURE_CASE(name) \
  case BlockType::name: \
    return MatMulOf<BlockType::name>(w, x, row_begin, row_end, group_begin, group_end, out)
  switch (w->type) {
    DURE_CASE(kQ4_0);
    DURE_CASE(kQ4_1);
    DURE_CASE(kQ5_0);
    DURE_CASE(kQ5_1);
    DURE_CASE(kQ8_0);
    DURE_CASE(kQ2_K);
    DURE_CASE(kQ3_K);
    DURE_CASE(kQ4_K);
    DURE_CASE(kQ5_K);
    DURE_CASE(kQ6_K);
    DURE_CASE(kIQ4_NL);
    DURE_CASE(kIQ4_XS);
    DURE_CASE(kMXFP4);
    case BlockType::kF32:
    case BlockType::kF16:
    case BlockType::kBF16:
      return;  // matmul_float's
  }
#undef DURE_CASE
}
