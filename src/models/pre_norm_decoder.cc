#include "models/pre_norm_decoder.h"

#include <cmath>
#include <optional>

#include "formats/gguf.h"
#include "models/decoder.h"
#include "models/experts.h"
#include "models/load_macros.h"
#include "models/rope_scaling.h"

namespace dure::models {
namespace {

struct Layer {
  std::vector<float> attention_norm;
  HeadNorms head_norms;
  Linear q, k, v, o;
  std::vector<float> ffn_norm;
  Linear gate, up, down;
  std::optional<ExpertLayer> experts;  // in place of gate, up, down
};

class PreNormDecoder : public Decoder {
 public:
  PreNormDecoder(const PreNormOptions& architecture, ModelConfig config, RopeTable rope,
                 const numerics::Kernels* kernels, ThreadTeam* team)
      : Decoder(std::move(config), std::move(rope), kernels, team), architecture_(architecture) {
    if (config_.experts > 0) expert_memory_.emplace(config_, team->size());
  }

  void set_temperature(const QueryTemperature& temperature) { temperature_ = temperature; }
  void set_expert_options(const ExpertOptions& options) { expert_options_ = options; }

 private:
  Result<void> LoadLayer(WeightLoader* loader, const std::string& prefix) override {
    Layer layer;
    DURE_ASSIGN(layer.attention_norm,
                loader->LoadVector(prefix + "attn_norm.weight", config_.width));
    DURE_CHECK_RESULT(LoadAttention(loader, prefix, &layer));
    DURE_ASSIGN(layer.ffn_norm, loader->LoadVector(prefix + "ffn_norm.weight", config_.width));
    DURE_CHECK_RESULT(LoadFeedForward(loader, prefix, &layer));
    layers_.push_back(std::move(layer));
    return {};
  }

  Result<void> LoadAttention(WeightLoader* loader, const std::string& prefix, Layer* layer) const {
    const ModelConfig& c = config_;
    const int64_t q_width = int64_t{c.heads} * c.head_dim;
    const int64_t kv_width = int64_t{c.kv_heads} * c.head_dim;
    HeadRows heads;
    if (architecture_.interleaved_heads) heads = {c.head_dim, 2 * rope_.half()};
    const bool fused = architecture_.fused && loader->Has(prefix + "attn_qkv.weight");
    const int64_t total = fused ? q_width + 2 * kv_width : 0;
    const auto name = [&](const char* own) { return prefix + (fused ? "attn_qkv" : own); };
    const auto slice = [&](int64_t first) { return RowSlice{fused ? first : 0, total}; };
    DURE_ASSIGN(layer->q, loader->LoadLinear(name("attn_q"), q_width, c.width, heads, slice(0)));
    DURE_ASSIGN(layer->k,
                loader->LoadLinear(name("attn_k"), kv_width, c.width, heads, slice(q_width)));
    DURE_ASSIGN(layer->v, loader->LoadLinear(name("attn_v"), kv_width, c.width, {},
                                             slice(q_width + kv_width)));
    if (architecture_.head_norms) {
      DURE_ASSIGN(layer->head_norms.query,
                  loader->LoadVector(prefix + "attn_q_norm.weight", c.head_dim));
      DURE_ASSIGN(layer->head_norms.key,
                  loader->LoadVector(prefix + "attn_k_norm.weight", c.head_dim));
    }
    DURE_ASSIGN(layer->o, loader->LoadLinear(prefix + "attn_output", c.width, q_width));
    return {};
  }

  Result<void> LoadFeedForward(WeightLoader* loader, const std::string& prefix,
                               Layer* layer) const {
    const ModelConfig& c = config_;
    if (c.experts > 0) {
      DURE_ASSIGN(layer->experts, LoadExpertLayer(loader, prefix, c));
      return {};
    }
    const bool fused = architecture_.fused && !loader->Has(prefix + "ffn_gate.weight");
    const int64_t total = fused ? 2 * int64_t{c.ff_width} : 0;
    const std::string up = prefix + "ffn_up";
    DURE_ASSIGN(layer->gate, loader->LoadLinear(fused ? up : prefix + "ffn_gate", c.ff_width,
                                                c.width, {}, {0, total}));
    DURE_ASSIGN(layer->up, loader->LoadLinear(up, c.ff_width, c.width, {},
                                              {fused ? int64_t{c.ff_width} : 0, total}));
    DURE_ASSIGN(layer->down, loader->LoadLinear(prefix + "ffn_down", c.width, c.ff_width));
    return {};
  }

  void RunLayer(const Worker& w, int index) const override {
    const Layer& l = layers_[index];
    const AttentionSettings attention = {.scale = 1.0f /
                                                  std::sqrt(static_cast<float>(config_.head_dim))};
    w.Norm(l.attention_norm, {&l.q, &l.k, &l.v});
    w.ProjectQkv(l.q, l.k, l.v);
    if (temperature_.strength != 0) w.ScaleQueries(temperature_);
    w.RotateAndStore(index, l.head_norms, rope_);
    w.Attend(index, attention, full_plan(), l.o);
    w.AddProjection(l.o, w.workspace().attended);
    if (l.experts) {
      w.Norm(l.ffn_norm, l.experts->input_forms());
      AddExperts(w, *l.experts, expert_options_, &*expert_memory_);
      return;
    }
    w.Norm(l.ffn_norm, {&l.gate, &l.up});
    w.GatedUnit(l.gate, l.up, Activation::kSilu, l.down);
    w.AddProjection(l.down, w.workspace().hidden);
  }

  void Prepare(int /*positions*/, int64_t rows) override {
    if (expert_memory_) expert_memory_->Grow(rows);
  }

  const PreNormOptions architecture_;
  QueryTemperature temperature_;
  ExpertOptions expert_options_;
  mutable std::optional<ExpertWorkspace> expert_memory_;
  std::vector<Layer> layers_;
};

Result<QueryTemperature> ReadTemperature(const formats::GgufFile& file, const ModelConfig& config,
                                         const RopeScaling& scaling) {
  const std::string key = config.architecture + ".attention.temperature_scale";
  double strength = 0;
  DURE_ASSIGN(strength, file.GetFloat(key, 0.0));
  if (!(strength >= 0 && strength < 1000)) {
    return Fail(ErrorCode::kCorrupt, "the model file's " + key + " is out of range");
  }
  return QueryTemperature{strength, scaling.original_context};
}

Result<void> CheckExperts(const ModelConfig& config, const PreNormOptions& architecture) {
  using Experts = PreNormOptions::Experts;
  if (architecture.experts == Experts::kNone) return RefuseExperts(config);
  if (architecture.experts == Experts::kAlways && config.experts == 0) {
    return Fail(ErrorCode::kCorrupt,
                "the model file lacks " + config.architecture + ".expert_count");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Model>> LoadPreNormDecoder(const formats::GgufFile& file,
                                                  const LoadOptions& options,
                                                  const PreNormOptions& architecture) {
  const numerics::Kernels* kernels = nullptr;
  DURE_ASSIGN(kernels, PickKernels(options));
  ModelConfig config;
  DURE_ASSIGN(config, ReadDecoderConfig(file));
  DURE_CHECK_RESULT(CheckExperts(config, architecture));
  // Files of these architectures may name a window; the models are used without.
  config.sliding_window = 0;
  WeightLoader loader(file, options);
  int rotated = 0;
  DURE_ASSIGN(rotated, ReadRotatedDimensions(file, config));
  RopeScaling scaling;
  DURE_ASSIGN(scaling, ReadRopeScaling(file, config, rotated, &loader));
  QueryTemperature temperature;
  if (architecture.temperature) {
    DURE_ASSIGN(temperature, ReadTemperature(file, config, scaling));
  }
  ExpertOptions experts;
  DURE_ASSIGN(experts.normalized, file.GetBool(config.architecture + ".expert_weights_norm", true));
  RopeTable rope = MakeRopeTable(rotated, config.rope_base, scaling);
  auto model = std::make_unique<PreNormDecoder>(architecture, std::move(config), std::move(rope),
                                                kernels, options.team);
  model->set_temperature(temperature);
  model->set_expert_options(experts);
  DURE_CHECK_RESULT(model->Load(&loader));
  return model;
}

}  // namespace dure::models
