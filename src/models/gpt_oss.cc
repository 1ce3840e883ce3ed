// gpt-oss (arXiv:2508.10925): experts with biases and a clamped SwiGLU, a learned sink beside the
// attention scores of each head, a sliding window in every other layer, YaRN.
#include <cmath>

#include "formats/gguf.h"
#include "models/architectures.h"
#include "models/decoder.h"
#include "models/experts.h"
#include "models/load_macros.h"
#include "models/rope_scaling.h"
#include "models/window_pattern.h"

namespace dure::models {
namespace {

// Every second layer sees everything.
constexpr int kPattern = 2;

struct Layer {
  std::vector<float> attention_norm;
  Linear q, k, v, o;
  std::vector<float> sinks;  // [heads]
  std::vector<float> ffn_norm;
  ExpertLayer experts;
};

class GptOss : public Decoder {
 public:
  GptOss(ModelConfig config, std::vector<bool> local, RopeTable rope,
         const numerics::Kernels* kernels, ThreadTeam* team)
      : Decoder(std::move(config), std::move(rope), kernels, team),
        local_(std::move(local)),
        expert_memory_(config_, team->size()) {}

 private:
  Result<void> LoadLayer(WeightLoader* loader, const std::string& prefix) override {
    const ModelConfig& c = config_;
    const int64_t q_width = int64_t{c.heads} * c.head_dim;
    const int64_t kv_width = int64_t{c.kv_heads} * c.head_dim;
    Layer layer;
    DURE_ASSIGN(layer.attention_norm, loader->LoadVector(prefix + "attn_norm.weight", c.width));
    DURE_ASSIGN(layer.q, loader->LoadLinear(prefix + "attn_q", q_width, c.width));
    DURE_ASSIGN(layer.k, loader->LoadLinear(prefix + "attn_k", kv_width, c.width));
    DURE_ASSIGN(layer.v, loader->LoadLinear(prefix + "attn_v", kv_width, c.width));
    DURE_ASSIGN(layer.o, loader->LoadLinear(prefix + "attn_output", c.width, q_width));
    DURE_ASSIGN(layer.sinks, loader->LoadVector(prefix + "attn_sinks.weight", c.heads));
    DURE_ASSIGN(layer.ffn_norm, loader->LoadVector(prefix + "post_attention_norm.weight", c.width));
    DURE_ASSIGN(layer.experts, LoadExpertLayer(loader, prefix, c));
    layers_.push_back(std::move(layer));
    return {};
  }

  void RunLayer(const Worker& w, int index) const override {
    const Layer& l = layers_[index];
    const bool local = local_[index];
    const AttentionSettings attention = {
        .window = local ? config_.sliding_window : 0,
        .scale = 1.0f / std::sqrt(static_cast<float>(config_.head_dim)),
        .sinks = l.sinks.data()};
    w.Norm(l.attention_norm, {&l.q, &l.k, &l.v});
    w.ProjectQkv(l.q, l.k, l.v);
    w.RotateAndStore(index, {}, rope_);
    w.Attend(index, attention, local ? window_plan() : full_plan(), l.o);
    w.AddProjection(l.o, w.workspace().attended);
    w.Norm(l.ffn_norm, l.experts.input_forms());
    AddExperts(w, l.experts, {.activation = Activation::kClampedSwiglu}, &expert_memory_);
  }

  void Prepare(int /*positions*/, int64_t rows) override { expert_memory_.Grow(rows); }

  const std::vector<bool> local_;  // which layers have a window
  mutable ExpertWorkspace expert_memory_;
  std::vector<Layer> layers_;
};

}  // namespace

Result<std::unique_ptr<Model>> LoadGptOss(const formats::GgufFile& file,
                                          const LoadOptions& options) {
  const numerics::Kernels* kernels = nullptr;
  DURE_ASSIGN(kernels, PickKernels(options));
  ModelConfig config;
  DURE_ASSIGN(config, ReadDecoderConfig(file));
  if (config.experts == 0) {
    return Fail(ErrorCode::kCorrupt,
                "the model file lacks " + config.architecture + ".expert_count");
  }
  std::vector<bool> local;
  DURE_ASSIGN(local, ReadWindowPattern(file, config, kPattern));
  WeightLoader loader(file, options);
  int rotated = 0;
  DURE_ASSIGN(rotated, ReadRotatedDimensions(file, config));
  RopeScaling scaling;
  DURE_ASSIGN(scaling, ReadRopeScaling(file, config, rotated, &loader));
  RopeTable rope = MakeRopeTable(rotated, config.rope_base, scaling);
  auto model = std::make_unique<GptOss>(std::move(config), std::move(local), std::move(rope),
                                        kernels, options.team);
  DURE_CHECK_RESULT(model->Load(&loader));
  return model;
}

}  // namespace dure::models
