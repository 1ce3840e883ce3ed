#include "models/pre_norm_decoder.h"

#include <cmath>

#include "models/decoder.h"
#include "models/load_macros.h"

namespace dure::models {
namespace {

struct Layer {
  std::vector<float> attention_norm;
  Linear q, k, v, o;
  std::vector<float> ffn_norm;
  Linear gate, up, down;
};

class PreNormDecoder : public Decoder {
 public:
  PreNormDecoder(ModelConfig config, RopeTable rope, const numerics::Kernels* kernels,
                 ThreadTeam* team)
      : Decoder(std::move(config), std::move(rope), kernels, team) {}

  Result<void> Load(WeightLoader* loader, const PreNormOptions& architecture) {
    DURE_CHECK_RESULT(LoadEnds(loader));
    for (int i = 0; i < config_.layers; ++i) {
      auto layer = LoadLayer(loader, "blk." + std::to_string(i) + ".", architecture);
      if (!layer) return tl::unexpected(layer.error());
      layers_.push_back(*std::move(layer));
    }
    CountWeights(*loader);
    return {};
  }

 private:
  Result<Layer> LoadLayer(WeightLoader* loader, const std::string& prefix,
                          const PreNormOptions& architecture) const {
    const ModelConfig& c = config_;
    const int64_t q_width = int64_t{c.heads} * c.head_dim;
    const int64_t kv_width = int64_t{c.kv_heads} * c.head_dim;
    HeadRows heads;
    if (architecture.interleaved_heads) heads = {c.head_dim, 2 * rope_.half()};
    Layer layer;
    DURE_ASSIGN(layer.attention_norm, loader->LoadVector(prefix + "attn_norm.weight", c.width));
    DURE_ASSIGN(layer.q, loader->LoadLinear(prefix + "attn_q", q_width, c.width, heads));
    DURE_ASSIGN(layer.k, loader->LoadLinear(prefix + "attn_k", kv_width, c.width, heads));
    DURE_ASSIGN(layer.v, loader->LoadLinear(prefix + "attn_v", kv_width, c.width));
    DURE_ASSIGN(layer.o, loader->LoadLinear(prefix + "attn_output", c.width, q_width));
    DURE_ASSIGN(layer.ffn_norm, loader->LoadVector(prefix + "ffn_norm.weight", c.width));
    DURE_ASSIGN(layer.gate, loader->LoadLinear(prefix + "ffn_gate", c.ff_width, c.width));
    DURE_ASSIGN(layer.up, loader->LoadLinear(prefix + "ffn_up", c.ff_width, c.width));
    DURE_ASSIGN(layer.down, loader->LoadLinear(prefix + "ffn_down", c.width, c.ff_width));
    return layer;
  }

  void RunLayer(const Worker& w, int index) const override {
    const Layer& l = layers_[index];
    const AttentionSettings attention = {.scale = 1.0f /
                                                  std::sqrt(static_cast<float>(config_.head_dim))};
    w.Norm(l.attention_norm, {&l.q, &l.k, &l.v});
    w.ProjectQkv(l.q, l.k, l.v);
    w.RotateAndStore(index, {}, rope_);
    w.Attend(index, attention, full_plan(), l.o);
    w.AddProjection(l.o, w.workspace().attended);
    w.Norm(l.ffn_norm, {&l.gate, &l.up});
    w.GatedUnit(l.gate, l.up, Activation::kSilu, l.down);
    w.AddProjection(l.down, w.workspace().hidden);
  }

  std::vector<Layer> layers_;
};

}  // namespace

Result<std::unique_ptr<Model>> LoadPreNormDecoder(const formats::GgufFile& file,
                                                  const LoadOptions& options,
                                                  const PreNormOptions& architecture) {
  const numerics::Kernels* kernels = nullptr;
  DURE_ASSIGN(kernels, PickKernels(options));
  auto config = ReadDecoderConfig(file);
  if (!config) return tl::unexpected(config.error());
  config->sliding_window =
      0;  // files of these architectures may name one; the models are used without
  WeightLoader loader(file, options);
  auto rope = ReadRope(file, *config, &loader);
  if (!rope) return tl::unexpected(rope.error());
  auto model =
      std::make_unique<PreNormDecoder>(*std::move(config), *std::move(rope), kernels, options.team);
  DURE_CHECK_RESULT(model->Load(&loader, architecture));
  return model;
}

}  // namespace dure::models
