#include "models/decoder.h"

#include <algorithm>
#include <utility>

#include "formats/gguf.h"
#include "models/load_macros.h"

namespace dure::models {
namespace {

// Bounds on what a file may ask for, far above any published dense model.
constexpr uint64_t kMaxLayers = 1024;
constexpr uint64_t kMaxWidth = 1 << 17;
constexpr uint64_t kMaxHeads = 1024;
constexpr uint64_t kMaxFfWidth = 1 << 19;
constexpr uint64_t kMaxContext = 1 << 21;
constexpr uint64_t kMaxVocabulary = 1 << 21;
constexpr uint64_t kMaxExperts = 1024;

/// Reads one count of the architecture's settings into *out, or fails naming the key.
class SettingsReader {
 public:
  SettingsReader(const formats::GgufFile& file, std::string arch)
      : file_(file), arch_(std::move(arch)) {}

  Result<void> Count(const char* key, uint64_t most, int* out, int fallback = 0) const {
    const std::string name = arch_ + "." + key;
    auto value =
        fallback > 0 ? file_.GetUint(name, static_cast<uint64_t>(fallback)) : file_.GetUint(name);
    if (!value) return tl::unexpected(value.error());
    if (*value == 0 || *value > most) {
      return Fail(ErrorCode::kCorrupt, "the model file's " + name + " is " +
                                           std::to_string(*value) + ", expected 1 to " +
                                           std::to_string(most));
    }
    *out = static_cast<int>(*value);
    return {};
  }

 private:
  const formats::GgufFile& file_;
  std::string arch_;
};

/// expert_count is absent from models without experts; expert_feed_forward_length is absent from
/// those whose experts are as wide as feed_forward_length says.
Result<void> ReadExpertCounts(const formats::GgufFile& file, ModelConfig* c) {
  const SettingsReader read(file, c->architecture);
  const std::string key = c->architecture + ".expert_count";
  auto experts = file.GetUint(key, 0);
  if (!experts) return tl::unexpected(experts.error());
  if (*experts == 0) return {};
  return read.Count("expert_count", kMaxExperts, &c->experts)
      .and_then([&] {
        return read.Count("expert_used_count", static_cast<uint64_t>(c->experts), &c->experts_used);
      })
      .and_then([&] {
        return read.Count("expert_feed_forward_length", kMaxFfWidth, &c->expert_ff_width,
                          c->ff_width);
      });
}

Result<void> ReadCounts(const formats::GgufFile& file, ModelConfig* c) {
  const SettingsReader read(file, c->architecture);
  const auto vocabulary = file.FindStrings("tokenizer.ggml.tokens");
  if (vocabulary == nullptr || vocabulary->empty() || vocabulary->size() > kMaxVocabulary) {
    return Fail(ErrorCode::kCorrupt, "the model file has no usable vocabulary");
  }
  c->vocab_size = static_cast<int>(vocabulary->size());
  return read.Count("block_count", kMaxLayers, &c->layers)
      .and_then([&] { return read.Count("embedding_length", kMaxWidth, &c->width); })
      .and_then([&] { return read.Count("feed_forward_length", kMaxFfWidth, &c->ff_width); })
      .and_then([&] { return read.Count("context_length", kMaxContext, &c->context_length); })
      .and_then([&] { return read.Count("attention.head_count", kMaxHeads, &c->heads); })
      .and_then(
          [&] { return read.Count("attention.head_count_kv", kMaxHeads, &c->kv_heads, c->heads); })
      .and_then([&] {
        return read.Count("attention.key_length", numerics::kMaxHeadDim, &c->head_dim,
                          std::max(1, c->width / c->heads));
      })
      .and_then([&] { return ReadExpertCounts(file, c); });
}

Result<void> CheckCounts(const formats::GgufFile& file, const ModelConfig& c) {
  if (c.heads % c.kv_heads != 0) {
    return Fail(ErrorCode::kCorrupt, "the model file's head counts " + std::to_string(c.heads) +
                                         " and " + std::to_string(c.kv_heads) + " do not divide");
  }
  if (c.head_dim % 16 != 0) {
    return Fail(ErrorCode::kUnsupported, "heads of " + std::to_string(c.head_dim) +
                                             " dimensions are not supported (multiples of 16 are)");
  }
  auto value_dim =
      file.GetUint(c.architecture + ".attention.value_length", static_cast<uint64_t>(c.head_dim));
  if (!value_dim) return tl::unexpected(value_dim.error());
  if (*value_dim != static_cast<uint64_t>(c.head_dim)) {
    return Fail(ErrorCode::kUnsupported, "values of another length than keys are not supported");
  }
  return {};
}

}  // namespace

Result<ModelConfig> ReadDecoderConfig(const formats::GgufFile& file) {
  ModelConfig c;
  auto architecture = file.GetString("general.architecture");
  if (!architecture) return tl::unexpected(architecture.error());
  c.architecture = *architecture;
  auto name = file.GetString("general.name", "");
  if (!name) return tl::unexpected(name.error());
  c.name = *name;
  auto counts = ReadCounts(file, &c).and_then([&] { return CheckCounts(file, c); });
  if (!counts) return tl::unexpected(counts.error());
  auto epsilon = file.GetFloat(c.architecture + ".attention.layer_norm_rms_epsilon");
  if (!epsilon) return tl::unexpected(epsilon.error());
  auto base = file.GetFloat(c.architecture + ".rope.freq_base", 10000.0);
  if (!base) return tl::unexpected(base.error());
  if (!(*epsilon >= 0 && *epsilon < 1) || !(*base > 0 && *base < 1e12)) {
    return Fail(ErrorCode::kCorrupt, "the model file's norm epsilon or rope base is out of range");
  }
  c.norm_epsilon = static_cast<float>(*epsilon);
  c.rope_base = *base;
  auto window = file.GetUint(c.architecture + ".attention.sliding_window", 0);
  if (!window) return tl::unexpected(window.error());
  c.sliding_window = static_cast<int>(std::min(*window, kMaxContext));
  return c;
}

Result<void> RefuseExperts(const ModelConfig& config) {
  if (config.experts == 0) return {};
  return Fail(
      ErrorCode::kUnsupported,
      "mixtures of experts are not supported for the architecture \"" + config.architecture + "\"");
}

Result<const numerics::Kernels*> PickKernels(const LoadOptions& options) {
  if (options.kernels != nullptr) return options.kernels;
  const numerics::KernelChoice choice = numerics::ChooseKernels();
  if (choice.kernels == nullptr) return Fail(ErrorCode::kInvalidArgument, choice.error);
  return choice.kernels;
}

Decoder::Decoder(ModelConfig config, RopeTable rope, const numerics::Kernels* kernels,
                 ThreadTeam* team)
    : config_(std::move(config)),
      rope_(std::move(rope)),
      kernels_(kernels),
      team_(team),
      workspace_(config_, team->size()) {}

Result<void> Decoder::Load(WeightLoader* loader) {
  DURE_CHECK_RESULT(LoadEnds(loader));
  for (int i = 0; i < config_.layers; ++i) {
    DURE_CHECK_RESULT(LoadLayer(loader, "blk." + std::to_string(i) + "."));
  }
  CountWeights(*loader);
  return {};
}

Result<void> Decoder::LoadEnds(WeightLoader* loader) {
  DURE_ASSIGN(embedding_, loader->LoadLinear("token_embd", config_.vocab_size, config_.width));
  DURE_ASSIGN(output_norm_, loader->LoadVector("output_norm.weight", config_.width));
  if (loader->Has("output.weight")) {
    DURE_ASSIGN(output_, loader->LoadLinear("output", config_.vocab_size, config_.width));
  }
  return {};
}

void Decoder::CountWeights(const WeightLoader& loader) {
  weight_bytes_ = loader.packed_bytes();
  weight_memory_ = loader.memory();
  const uint64_t ends = static_cast<uint64_t>(config_.vocab_size) * config_.width;
  const uint64_t layers = loader.products() - (output_.weights.empty() ? ends : 2 * ends);
  const uint64_t experts = loader.expert_products();
  work_.row = layers - experts;
  if (experts > 0) work_.row += experts / config_.experts * config_.experts_used;
  work_.logit_row = ends;
  work_.weights = layers + ends;
}

Result<void> Decoder::CheckStep(const Step& step, const KvStorage& kv,
                                std::span<float> logits) const {
  const auto bad = [](const char* what) {
    return Fail(ErrorCode::kInvalidArgument, std::string("model step: ") + what);
  };
  for (const StepRow& row : step.rows) {
    if (row.token < 0 || row.token >= config_.vocab_size) return bad("token out of range");
    if (row.position < 0 || static_cast<uint64_t>(row.position) >= kMaxContext) {
      return bad("position out of range");
    }
    if (row.sequence < 0 || static_cast<size_t>(row.sequence) >= step.sequences.size()) {
      return bad("sequence out of range");
    }
    const auto& blocks = step.sequences[row.sequence].blocks;
    if (blocks.size() <= static_cast<size_t>(row.position / kKvBlockPositions)) {
      return bad("position without a cache block");
    }
  }
  for (const SequenceView& sequence : step.sequences) {
    for (const int32_t block : sequence.blocks) {
      if (block < 0 || block >= kv.blocks()) return bad("cache block out of range");
    }
  }
  for (const int32_t row : step.logit_rows) {
    if (row < 0 || static_cast<size_t>(row) >= step.rows.size()) return bad("logit row");
  }
  if (logits.size() < step.logit_rows.size() * static_cast<size_t>(config_.vocab_size)) {
    return bad("too little room for logits");
  }
  return {};
}

Result<void> Decoder::Forward(const Step& step, KvStorage& kv, std::span<float> logits) {
  if (step.rows.empty()) return {};
  auto checked = CheckStep(step, kv, logits);
  if (!checked) return checked;
  const int group = config_.heads / config_.kv_heads;
  full_plan_ = PlanAttention(step, config_.kv_heads, group, 0);
  window_plan_ = config_.sliding_window > 0
                     ? PlanAttention(step, config_.kv_heads, group, config_.sliding_window)
                     : AttentionPlan{};
  workspace_.Grow(static_cast<int64_t>(step.rows.size()),
                  static_cast<int64_t>(step.logit_rows.size()),
                  std::max(full_plan_.partials, window_plan_.partials));
  int positions = 0;
  for (const StepRow& row : step.rows) positions = std::max(positions, row.position + 1);
  rope_.Grow(positions);
  Prepare(positions, static_cast<int64_t>(step.rows.size()));

  const Pass pass = {&step, &kv, kernels_, team_, &workspace_};
  const Linear& output = output_.weights.empty() ? embedding_ : output_;
  team_->Run([&](int member) {
    const Worker worker(pass, member);
    worker.Embed(embedding_.weights, embedding_scale_);
    for (int layer = 0; layer < config_.layers; ++layer) RunLayer(worker, layer);
    if (!step.logit_rows.empty()) {
      worker.Logits(output_norm_, output, logit_soft_cap_, logits);
    }
  });
  return {};
}

}  // namespace dure::models
