#include "models/gemma_decoder.h"

#include <cmath>
#include <optional>

#include "formats/gguf.h"
#include "models/decoder.h"
#include "models/load_macros.h"
#include "models/rope_scaling.h"
#include "models/window_pattern.h"

namespace dure::models {
namespace {

struct Layer {
  std::vector<float> attention_norm, attention_post_norm;
  HeadNorms head_norms;
  Linear q, k, v, o;
  std::vector<float> ffn_norm, ffn_post_norm;
  Linear gate, up, down;
};

struct SoftCaps {
  float attention = 0;
  float logits = 0;
};

class GemmaDecoder : public Decoder {
 public:
  GemmaDecoder(const GemmaOptions& architecture, ModelConfig config, std::vector<bool> local,
               RopeTable rope, std::optional<RopeTable> local_rope, const SoftCaps& caps,
               const numerics::Kernels* kernels, ThreadTeam* team)
      : Decoder(std::move(config), std::move(rope), kernels, team),
        head_norms_(architecture.head_norms),
        local_(std::move(local)),
        local_rope_(std::move(local_rope)),
        attention_soft_cap_(caps.attention) {
    embedding_scale_ = std::sqrt(static_cast<float>(config_.width));
    logit_soft_cap_ = caps.logits;
    const int divisor = config_.layers == architecture.layers_of_scaled_model
                            ? config_.width / config_.heads
                            : config_.head_dim;
    attention_scale_ = 1.0f / std::sqrt(static_cast<float>(divisor));
  }

 private:
  Result<void> LoadLayer(WeightLoader* loader, const std::string& prefix) override {
    const ModelConfig& c = config_;
    const int64_t q_width = int64_t{c.heads} * c.head_dim;
    const int64_t kv_width = int64_t{c.kv_heads} * c.head_dim;
    const auto vector = [&](const char* name, int64_t size) {
      return loader->LoadVector(prefix + name + ".weight", size);
    };
    const auto linear = [&](const char* name, int64_t outputs, int64_t inputs) {
      return loader->LoadLinear(prefix + name, outputs, inputs);
    };
    Layer layer;
    DURE_ASSIGN(layer.attention_norm, vector("attn_norm", c.width));
    DURE_ASSIGN(layer.q, linear("attn_q", q_width, c.width));
    DURE_ASSIGN(layer.k, linear("attn_k", kv_width, c.width));
    DURE_ASSIGN(layer.v, linear("attn_v", kv_width, c.width));
    if (head_norms_) {
      DURE_ASSIGN(layer.head_norms.query, vector("attn_q_norm", c.head_dim));
      DURE_ASSIGN(layer.head_norms.key, vector("attn_k_norm", c.head_dim));
    }
    DURE_ASSIGN(layer.o, linear("attn_output", c.width, q_width));
    DURE_ASSIGN(layer.attention_post_norm, vector("post_attention_norm", c.width));
    DURE_ASSIGN(layer.ffn_norm, vector("ffn_norm", c.width));
    DURE_ASSIGN(layer.gate, linear("ffn_gate", c.ff_width, c.width));
    DURE_ASSIGN(layer.up, linear("ffn_up", c.ff_width, c.width));
    DURE_ASSIGN(layer.down, linear("ffn_down", c.width, c.ff_width));
    DURE_ASSIGN(layer.ffn_post_norm, vector("post_ffw_norm", c.width));
    layers_.push_back(std::move(layer));
    return {};
  }

  void RunLayer(const Worker& w, int index) const override {
    const Layer& l = layers_[index];
    const bool local = local_[index];
    const AttentionSettings attention = {.window = local ? config_.sliding_window : 0,
                                         .scale = attention_scale_,
                                         .soft_cap = attention_soft_cap_};
    w.Norm(l.attention_norm, {&l.q, &l.k, &l.v});
    w.ProjectQkv(l.q, l.k, l.v);
    w.RotateAndStore(index, l.head_norms, local && local_rope_ ? *local_rope_ : rope_);
    w.Attend(index, attention, local ? window_plan() : full_plan(), l.o);
    w.AddNormedProjection(l.o, w.workspace().attended, l.attention_post_norm);
    w.Norm(l.ffn_norm, {&l.gate, &l.up});
    w.GatedUnit(l.gate, l.up, Activation::kGelu, l.down);
    w.AddNormedProjection(l.down, w.workspace().hidden, l.ffn_post_norm);
  }

  void Prepare(int positions, int64_t /*rows*/) override {
    if (local_rope_) local_rope_->Grow(positions);
  }

  const bool head_norms_;
  const std::vector<bool> local_;  // which layers have a window
  std::optional<RopeTable> local_rope_;
  float attention_scale_;
  float attention_soft_cap_;
  std::vector<Layer> layers_;
};

Result<float> ReadSoftCap(const formats::GgufFile& file, const std::string& key, double fallback) {
  double cap = 0;
  DURE_ASSIGN(cap, file.GetFloat(key, fallback));
  if (!(cap >= 0 && cap < 1e6)) {
    return Fail(ErrorCode::kCorrupt, "the model file's " + key + " is out of range");
  }
  return static_cast<float>(cap);
}

/// The table of layers with a window, where it differs from the others'.
Result<std::optional<RopeTable>> ReadLocalRope(const formats::GgufFile& file,
                                               const std::string& prefix, int rotated,
                                               const GemmaOptions& architecture) {
  if (architecture.local_rope_base == 0) return std::nullopt;
  const std::string key = prefix + "rope.freq_base_swa";
  double base = 0;
  DURE_ASSIGN(base, file.GetFloat(key, architecture.local_rope_base));
  if (!(base > 0 && base < 1e12)) {
    return Fail(ErrorCode::kCorrupt, "the model file's " + key + " is out of range");
  }
  return MakeRopeTable(rotated, base, {});
}

}  // namespace

Result<std::unique_ptr<Model>> LoadGemmaDecoder(const formats::GgufFile& file,
                                                const LoadOptions& options,
                                                const GemmaOptions& architecture) {
  const numerics::Kernels* kernels = nullptr;
  DURE_ASSIGN(kernels, PickKernels(options));
  ModelConfig config;
  DURE_ASSIGN(config, ReadDecoderConfig(file));
  DURE_CHECK_RESULT(RefuseExperts(config));
  const std::string prefix = config.architecture + ".";
  if (file.Find(prefix + "attention.sliding_window") == nullptr) {
    config.sliding_window = architecture.default_window;
  }
  std::vector<bool> local;
  DURE_ASSIGN(local, ReadWindowPattern(file, config, architecture.pattern));
  SoftCaps caps;
  DURE_ASSIGN(caps.attention, ReadSoftCap(file, prefix + "attn_logit_softcapping",
                                          architecture.attention_soft_cap));
  DURE_ASSIGN(caps.logits,
              ReadSoftCap(file, prefix + "final_logit_softcapping", architecture.logit_soft_cap));
  WeightLoader loader(file, options);
  int rotated = 0;
  DURE_ASSIGN(rotated, ReadRotatedDimensions(file, config));
  RopeScaling scaling;
  DURE_ASSIGN(scaling, ReadRopeScaling(file, config, rotated, &loader));
  RopeTable rope = MakeRopeTable(rotated, config.rope_base, scaling);
  std::optional<RopeTable> local_rope;
  DURE_ASSIGN(local_rope, ReadLocalRope(file, prefix, rotated, architecture));
  auto model = std::make_unique<GemmaDecoder>(architecture, std::move(config), std::move(local),
                                              std::move(rope), std::move(local_rope), caps, kernels,
                                              options.team);
  DURE_CHECK_RESULT(model->Load(&loader));
  return model;
}

}  // namespace dure::models
