#include "models/experts.h"

#include <algorithm>
#include <cstring>

#include "models/load_macros.h"
#include "numerics/scalar_math.h"

namespace dure::models {
namespace {

template <typename T>
void GrowTo(std::vector<T>* v, int64_t size) {
  if (static_cast<int64_t>(v->size()) < size) v->resize(static_cast<size_t>(size));
}

/// Copies one row's codes, scales and sums.
void CopyRow(const numerics::QuantizedRows& from, int64_t from_row,
             const numerics::QuantizedRows& to, int64_t to_row) {
  const auto copy = [&](auto* in, auto* out, int64_t count) {
    std::memcpy(out + to_row * count, in + from_row * count,
                static_cast<size_t>(count) * sizeof(*in));
  };
  const int64_t blocks = from.cols / from.block;
  copy(from.codes, to.codes, from.cols);
  copy(from.scales, to.scales, blocks);
  copy(from.sums, to.sums, from.cols / (from.block == 32 ? 32 : 16));
  if (from.block == 32) copy(from.scaled_sums, to.scaled_sums, blocks);
}

}  // namespace

QuantizedForms ExpertLayer::input_forms() const {
  QuantizedForms forms;
  forms.Add(router.weights);
  forms.Add(gate.weights);
  forms.Add(up.weights);
  return forms;
}

Result<ExpertLayer> LoadExpertLayer(WeightLoader* loader, const std::string& prefix,
                                    const ModelConfig& c) {
  ExpertLayer layer;
  DURE_ASSIGN(layer.router, loader->LoadLinear(prefix + "ffn_gate_inp", c.experts, c.width));
  const auto experts = [&](const char* name, int64_t outputs, int64_t inputs) {
    return loader->LoadExperts(prefix + name, c.experts, outputs, inputs);
  };
  DURE_ASSIGN(layer.gate, experts("ffn_gate_exps", c.expert_ff_width, c.width));
  DURE_ASSIGN(layer.up, experts("ffn_up_exps", c.expert_ff_width, c.width));
  DURE_ASSIGN(layer.down, experts("ffn_down_exps", c.width, c.expert_ff_width));
  return layer;
}

ExpertWorkspace::ExpertWorkspace(const ModelConfig& c, int members)
    : width_(c.width),
      ff_width_(c.expert_ff_width),
      experts_(c.experts),
      used_(c.experts_used),
      gathered_(c.width),
      hidden_(c.expert_ff_width),
      slots_(members) {}

void ExpertWorkspace::Grow(int64_t rows) {
  const int64_t slots = rows * used_;
  GrowTo(&router_logits_, rows * experts_);
  GrowTo(&chosen_, slots);
  GrowTo(&weights_, slots);
  gathered_.Grow(slots);
  GrowTo(&gate_, slots * ff_width_);
  hidden_.Grow(slots);
  GrowTo(&outputs_, slots * width_);
  for (Slots& s : slots_) {
    GrowTo(&s.first, experts_ + 1);
    GrowTo(&s.next, experts_);
    GrowTo(&s.row, slots);
    GrowTo(&s.of, slots);
  }
}

/// One member's part in one layer.
class ExpertWorker {
 public:
  ExpertWorker(const Worker& worker, const ExpertLayer& layer, const ExpertOptions& options,
               ExpertWorkspace* memory)
      : worker_(worker),
        layer_(layer),
        options_(options),
        m_(*memory),
        slots_(memory->slots_[worker.member()]),
        kernels_(*worker.pass().kernels) {}

  void Run() {
    Route();
    worker_.Join();
    AssignSlots();
    Gather();
    worker_.Join();
    GatedUnits();
    worker_.Join();
    QuantizedForms forms;
    forms.Add(layer_.down.weights);
    const auto [begin, end] = worker_.Mine(count());
    worker_.Quantize(&m_.hidden_, begin, end, forms);
    worker_.Join();
    AddOutputs();
    worker_.Join();
  }

 private:
  int64_t count() const { return worker_.rows() * m_.used_; }

  /// Chooses experts and weights of this member's rows.
  void Route() {
    const auto [begin, end] = worker_.Mine(worker_.rows());
    const Operand& input = worker_.workspace().normed;
    const numerics::PackedView& router = layer_.router.weights.view();
    const numerics::ProductOut out = {m_.router_logits_.data(), m_.experts_,
                                      layer_.router.bias_data(), false};
    Multiply(router, input, begin, end, 0, layer_.router.weights.groups(), out);
    for (int64_t row = begin; row < end; ++row) {
      const float* logits = m_.router_logits_.data() + row * m_.experts_;
      int32_t* chosen = m_.chosen_.data() + row * m_.used_;
      Choose(logits, chosen);
      Weigh(logits, chosen, m_.weights_.data() + row * m_.used_);
    }
  }

  /// The largest logits, ties to the lower index; written in ascending index.
  void Choose(const float* logits, int32_t* chosen) const {
    for (int i = 0; i < m_.used_; ++i) {
      int best = -1;
      for (int e = 0; e < m_.experts_; ++e) {
        if (std::find(chosen, chosen + i, e) != chosen + i) continue;
        if (best < 0 || logits[e] > logits[best]) best = e;
      }
      chosen[i] = best;
    }
    std::sort(chosen, chosen + m_.used_);
  }

  void Weigh(const float* logits, const int32_t* chosen, float* weights) const {
    float max = 0;
    float sum = 0;
    kernels_.max_and_exp_sum(logits, m_.experts_, &max, &sum);
    if (options_.normalized) sum = 0;
    for (int i = 0; i < m_.used_; ++i) {
      weights[i] = numerics::Exp(logits[chosen[i]] - max);
      if (options_.normalized) sum += weights[i];
    }
    for (int i = 0; i < m_.used_; ++i) weights[i] /= sum;
  }

  void AssignSlots() {
    std::fill_n(slots_.first.begin(), m_.experts_ + 1, int64_t{0});
    for (int64_t i = 0; i < count(); ++i) ++slots_.first[m_.chosen_[i] + 1];
    for (int e = 0; e < m_.experts_; ++e) slots_.first[e + 1] += slots_.first[e];
    std::copy_n(slots_.first.begin(), m_.experts_, slots_.next.begin());
    for (int64_t i = 0; i < count(); ++i) {
      slots_.of[i] = slots_.next[m_.chosen_[i]]++;
      slots_.row[slots_.of[i]] = i / m_.used_;
    }
  }

  /// Copies the input rows to their slots, so that an expert's rows stand together.
  void Gather() {
    const auto [begin, end] = worker_.Mine(count());
    Operand& from = worker_.workspace().normed;
    const QuantizedForms forms = layer_.input_forms();
    const bool floats = !IsQuantized(layer_.gate) || !IsQuantized(layer_.up);
    for (int64_t slot = begin; slot < end; ++slot) {
      const int64_t row = slots_.row[slot];
      if (floats) std::copy_n(from.row(row), m_.width_, m_.gathered_.row(slot));
      if (forms.blocks32) CopyRow(from.blocks32(), row, m_.gathered_.blocks32(), slot);
      if (forms.blocks256) CopyRow(from.blocks256(), row, m_.gathered_.blocks256(), slot);
    }
  }

  static bool IsQuantized(const ExpertLinear& linear) {
    return numerics::LayoutOf(linear.weights.type()).block > 1;
  }

  /// hidden = activation(gate) * up, for this member's share of every expert's outputs.
  void GatedUnits() {
    const auto [first, last] = worker_.Mine(layer_.gate.groups());
    if (first == last) return;
    const int64_t begin = first * numerics::kLanes;
    const int64_t width = std::min<int64_t>(last * numerics::kLanes, m_.ff_width_) - begin;
    const auto combine = GateOf(kernels_, options_.activation);
    ForExperts([&](int e, int64_t slot_begin, int64_t slot_end) {
      Multiply(layer_.gate.view(e), m_.gathered_, slot_begin, slot_end, first, last,
               {m_.gate_.data(), m_.ff_width_, layer_.gate.bias_data(e), false});
      Multiply(layer_.up.view(e), m_.gathered_, slot_begin, slot_end, first, last,
               {m_.hidden_.row(0), m_.ff_width_, layer_.up.bias_data(e), false});
      for (int64_t slot = slot_begin; slot < slot_end; ++slot) {
        float* hidden = m_.hidden_.row(slot) + begin;
        combine(m_.gate_.data() + slot * m_.ff_width_ + begin, hidden, width, hidden);
      }
    });
  }

  /// residual += weighted outputs, for this member's share of the columns.
  void AddOutputs() {
    const auto [first, last] = worker_.Mine(layer_.down.groups());
    if (first == last) return;
    const int64_t begin = first * numerics::kLanes;
    const int64_t width = std::min<int64_t>(last * numerics::kLanes, m_.width_) - begin;
    ForExperts([&](int e, int64_t slot_begin, int64_t slot_end) {
      Multiply(layer_.down.view(e), m_.hidden_, slot_begin, slot_end, first, last,
               {m_.outputs_.data(), m_.width_, layer_.down.bias_data(e), false});
    });
    for (int64_t row = 0; row < worker_.rows(); ++row) {
      float* sum = worker_.workspace().branch.data() + row * m_.width_ + begin;
      std::fill_n(sum, width, 0.0f);
      for (int64_t i = row * m_.used_; i < (row + 1) * m_.used_; ++i) {
        const float* output = m_.outputs_.data() + slots_.of[i] * m_.width_ + begin;
        kernels_.add_scaled(sum, output, m_.weights_[i], width);
      }
      kernels_.add(worker_.workspace().residual.data() + row * m_.width_ + begin, sum, width);
    }
  }

  template <typename F>
  void ForExperts(F f) const {
    for (int e = 0; e < m_.experts_; ++e) {
      if (slots_.first[e] < slots_.first[e + 1]) f(e, slots_.first[e], slots_.first[e + 1]);
    }
  }

  void Multiply(const numerics::PackedView& w, const Operand& input, int64_t row_begin,
                int64_t row_end, int64_t group_begin, int64_t group_end,
                const numerics::ProductOut& out) const {
    Product(kernels_, w, input, row_begin, row_end, group_begin, group_end, out);
  }

  const Worker& worker_;
  const ExpertLayer& layer_;
  const ExpertOptions& options_;
  ExpertWorkspace& m_;
  ExpertWorkspace::Slots& slots_;
  const numerics::Kernels& kernels_;
};

void AddExperts(const Worker& worker, const ExpertLayer& layer, const ExpertOptions& options,
                ExpertWorkspace* memory) {
  ExpertWorker(worker, layer, options, memory).Run();
}

}  // namespace dure::models
