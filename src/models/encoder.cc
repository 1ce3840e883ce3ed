#include "models/encoder.h"

#include "formats/gguf.h"
#include "formats/safetensors.h"
#include "models/bert.h"
#include "models/encoder_config.h"
#include "models/load_macros.h"
#include "models/tensor_source.h"

namespace dure::models {
namespace {

constexpr std::string_view kBert = "bert";

struct Renaming {
  std::string_view from;
  std::string_view to;
};

constexpr Renaming kOutside[] = {
    {"embeddings.word_embeddings.", "token_embd."},
    {"embeddings.position_embeddings.", "position_embd."},
    {"embeddings.token_type_embeddings.", "token_types."},
    {"embeddings.LayerNorm.", "token_embd_norm."},
};
constexpr Renaming kInside[] = {
    {"attention.self.query.", "attn_q."},
    {"attention.self.key.", "attn_k."},
    {"attention.self.value.", "attn_v."},
    {"attention.output.dense.", "attn_output."},
    {"attention.output.LayerNorm.", "attn_output_norm."},
    {"intermediate.dense.", "ffn_up."},
    {"output.dense.", "ffn_down."},
    {"output.LayerNorm.", "layer_output_norm."},
};

/// "query.weight" and so on renamed by the first entry that fits; "" when none does.
template <size_t kCount>
std::string Rename(std::string_view name, const Renaming (&table)[kCount]) {
  for (const Renaming& entry : table) {
    if (!name.starts_with(entry.from)) continue;
    std::string_view rest = name.substr(entry.from.size());
    if (rest == "gamma") rest = "weight";  // as first published
    if (rest == "beta") rest = "bias";
    return std::string(entry.to) + std::string(rest);
  }
  return {};
}

/// The GGUF name of a tensor of BertModel; "" for those an encoder does not need.
std::string GgufName(std::string_view name) {
  constexpr std::string_view kModel = "bert.";
  constexpr std::string_view kLayer = "encoder.layer.";
  if (name.starts_with(kModel)) name.remove_prefix(kModel.size());
  if (!name.starts_with(kLayer)) return Rename(name, kOutside);
  name.remove_prefix(kLayer.size());
  const size_t dot = name.find('.');
  if (dot == 0 || dot == std::string_view::npos) return {};
  if (name.substr(0, dot).find_first_not_of("0123456789") != std::string_view::npos) return {};
  const std::string inside = Rename(name.substr(dot + 1), kInside);
  if (inside.empty()) return {};
  return "blk." + std::string(name.substr(0, dot)) + "." + inside;
}

}  // namespace

bool IsEncoder(const formats::GgufFile& file) {
  const auto architecture = file.GetString("general.architecture");
  return architecture && *architecture == kBert;
}

Result<std::unique_ptr<Encoder>> LoadEncoder(const formats::GgufFile& file,
                                             const LoadOptions& options) {
  std::string architecture;
  DURE_ASSIGN(architecture, file.GetString("general.architecture"));
  if (architecture != kBert) {
    return Fail(ErrorCode::kUnsupported, "the model's architecture \"" + architecture +
                                             "\" is no encoder; known is " + std::string(kBert));
  }
  EncoderConfig config;
  DURE_ASSIGN(config, ReadEncoderConfig(file));
  WeightLoader loader(file, options);
  return LoadBert(std::move(config), &loader, options);
}

Result<std::unique_ptr<Encoder>> LoadEncoderFolder(const std::string& folder,
                                                   const LoadOptions& options) {
  EncoderConfig config;
  DURE_ASSIGN(config, ReadEncoderFolder(folder));
  auto file = formats::SafetensorsFile::Open(folder + "/model.safetensors");
  if (!file) return tl::unexpected(file.error());
  auto source = SafetensorsTensors(**file, [](const std::string& name) { return GgufName(name); });
  if (!source) return tl::unexpected(source.error());
  WeightLoader loader(*std::move(source), options);
  return LoadBert(std::move(config), &loader, options);
}

}  // namespace dure::models
