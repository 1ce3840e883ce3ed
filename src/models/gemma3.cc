// Gemma 3, text (arXiv:2503.19786): norms before and after each branch, per-head norms of queries
// and keys, five layers with a sliding window and a local rotation to one that sees everything.
#include <cmath>

#include "formats/gguf.h"
#include "models/architectures.h"
#include "models/decoder.h"
#include "models/load_macros.h"

namespace dure::models {
namespace {

// Every sixth layer is global.
constexpr int kPattern = 6;
constexpr double kLocalRopeBase = 10000.0;
// Only the largest published model scales attention by width / heads instead of the head's
// dimension.
constexpr int kLayersOfScaledModel = 62;

struct Layer {
  std::vector<float> attention_norm, attention_post_norm;
  HeadNorms head_norms;
  Linear q, k, v, o;
  std::vector<float> ffn_norm, ffn_post_norm;
  Linear gate, up, down;
};

class Gemma3 : public Decoder {
 public:
  Gemma3(ModelConfig config, RopeTable rope, RopeTable local_rope, const numerics::Kernels* kernels,
         ThreadTeam* team)
      : Decoder(std::move(config), std::move(rope), kernels, team),
        local_rope_(std::move(local_rope)) {
    embedding_scale_ = std::sqrt(static_cast<float>(config_.width));
    const int divisor =
        config_.layers == kLayersOfScaledModel ? config_.width / config_.heads : config_.head_dim;
    attention_scale_ = 1.0f / std::sqrt(static_cast<float>(divisor));
  }

  Result<void> Load(const formats::GgufFile& file, WeightLoader* loader) {
    double soft_cap = 0;
    DURE_ASSIGN(soft_cap, file.GetFloat("gemma3.attn_logit_softcapping", 0.0));
    attention_soft_cap_ = static_cast<float>(soft_cap);
    DURE_ASSIGN(soft_cap, file.GetFloat("gemma3.final_logit_softcapping", 0.0));
    logit_soft_cap_ = static_cast<float>(soft_cap);
    DURE_CHECK_RESULT(LoadEnds(loader));
    for (int i = 0; i < config_.layers; ++i) {
      auto layer = LoadLayer(loader, "blk." + std::to_string(i) + ".");
      if (!layer) return tl::unexpected(layer.error());
      layers_.push_back(*std::move(layer));
    }
    CountWeights(*loader);
    return {};
  }

 private:
  Result<Layer> LoadLayer(WeightLoader* loader, const std::string& prefix) const {
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
    DURE_ASSIGN(layer.head_norms.query, vector("attn_q_norm", c.head_dim));
    DURE_ASSIGN(layer.head_norms.key, vector("attn_k_norm", c.head_dim));
    DURE_ASSIGN(layer.o, linear("attn_output", c.width, q_width));
    DURE_ASSIGN(layer.attention_post_norm, vector("post_attention_norm", c.width));
    DURE_ASSIGN(layer.ffn_norm, vector("ffn_norm", c.width));
    DURE_ASSIGN(layer.gate, linear("ffn_gate", c.ff_width, c.width));
    DURE_ASSIGN(layer.up, linear("ffn_up", c.ff_width, c.width));
    DURE_ASSIGN(layer.down, linear("ffn_down", c.width, c.ff_width));
    DURE_ASSIGN(layer.ffn_post_norm, vector("post_ffw_norm", c.width));
    return layer;
  }

  void RunLayer(const Worker& w, int index) const override {
    const Layer& l = layers_[index];
    const bool local = config_.sliding_window > 0 && index % kPattern != kPattern - 1;
    const AttentionSettings attention = {local ? config_.sliding_window : 0, attention_scale_,
                                         attention_soft_cap_};
    w.Norm(l.attention_norm, {&l.q, &l.k, &l.v});
    w.ProjectQkv(l.q, l.k, l.v);
    w.RotateAndStore(index, l.head_norms, local ? local_rope_ : rope_);
    w.Attend(index, attention, local ? window_plan() : full_plan(), l.o);
    w.AddNormedProjection(l.o, w.workspace().attended, l.attention_post_norm);
    w.Norm(l.ffn_norm, {&l.gate, &l.up});
    w.GatedUnit(l.gate, l.up, Activation::kGelu, l.down);
    w.AddNormedProjection(l.down, w.workspace().hidden, l.ffn_post_norm);
  }

  void Prepare(int positions) override { local_rope_.Grow(positions); }

  RopeTable local_rope_;
  float attention_scale_;
  float attention_soft_cap_ = 0;
  std::vector<Layer> layers_;
};

}  // namespace

Result<std::unique_ptr<Model>> LoadGemma3(const formats::GgufFile& file,
                                          const LoadOptions& options) {
  const numerics::Kernels* kernels = nullptr;
  DURE_ASSIGN(kernels, PickKernels(options));
  ModelConfig config;
  DURE_ASSIGN(config, ReadDecoderConfig(file));
  WeightLoader loader(file, options);
  auto rope = ReadRope(file, config, &loader);
  if (!rope) return tl::unexpected(rope.error());
  double local_base = 0;
  DURE_ASSIGN(local_base, file.GetFloat("gemma3.rope.freq_base_swa", kLocalRopeBase));
  if (!(local_base > 0 && local_base < 1e12)) {
    return Fail(ErrorCode::kCorrupt, "the model file's gemma3.rope.freq_base_swa is out of range");
  }
  RopeTable local_rope(2 * rope->half(), local_base, 1.0, {});
  auto model = std::make_unique<Gemma3>(std::move(config), *std::move(rope), std::move(local_rope),
                                        kernels, options.team);
  DURE_CHECK_RESULT(model->Load(file, &loader));
  return model;
}

}  // namespace dure::models
