#include "models/encoder_config.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "formats/gguf.h"
#include "formats/json_file.h"
#include "models/load_macros.h"
#include "numerics/kernels.h"

namespace dure::models {
namespace {

using nlohmann::json;

// Bounds on what a file may ask for, far above any published encoder.
constexpr uint64_t kMaxLayers = 256;
constexpr uint64_t kMaxWidth = 1 << 16;
constexpr uint64_t kMaxHeads = 1024;
constexpr uint64_t kMaxFfWidth = 1 << 18;
constexpr uint64_t kMaxContext = 1 << 16;
constexpr uint64_t kMaxVocabulary = 1 << 21;
// What pooling_type means in a GGUF file.
constexpr uint64_t kNoPooling = 0;
constexpr uint64_t kMeanPooling = 1;
constexpr uint64_t kFirstTokenPooling = 2;

Result<int> CheckCount(const std::string& where, uint64_t value, uint64_t most) {
  if (value == 0 || value > most) {
    return Fail(ErrorCode::kCorrupt,
                where + " is " + std::to_string(value) + ", expected 1 to " + std::to_string(most));
  }
  return static_cast<int>(value);
}

Result<void> CheckHeads(EncoderConfig* c) {
  if (c->width % c->heads != 0) {
    return Fail(ErrorCode::kCorrupt, "the encoder's width " + std::to_string(c->width) +
                                         " does not divide into " + std::to_string(c->heads) +
                                         " heads");
  }
  c->head_dim = c->width / c->heads;
  if (c->head_dim % 16 != 0 || c->head_dim > numerics::kMaxHeadDim) {
    return Fail(ErrorCode::kUnsupported, "heads of " + std::to_string(c->head_dim) +
                                             " dimensions are not supported (multiples of 16 up "
                                             "to " +
                                             std::to_string(numerics::kMaxHeadDim) + " are)");
  }
  return {};
}

Result<float> CheckEpsilon(const std::string& where, double epsilon) {
  if (!(epsilon >= 0 && epsilon < 1)) {
    return Fail(ErrorCode::kCorrupt, where + " is out of range");
  }
  return static_cast<float>(epsilon);
}

/// config.json and its like: settings of one object, with errors that name file and setting.
class JsonSettings {
 public:
  static Result<JsonSettings> Read(const std::string& folder, const std::string& name) {
    auto file = formats::ReadJsonFile(folder + "/" + name);
    if (!file) return tl::unexpected(file.error());
    if (!file->is_object()) return Fail(ErrorCode::kCorrupt, name + " is no object");
    return JsonSettings(name, *std::move(file));
  }

  Result<int> Count(const char* key, uint64_t most) const {
    const auto found = object_.find(key);
    if (found == object_.end() || !found->is_number_unsigned()) {
      return Fail(ErrorCode::kCorrupt, name_ + ": \"" + key + "\" is no count");
    }
    return CheckCount(name_ + ": \"" + key + "\"", found->get<uint64_t>(), most);
  }
  Result<double> Number(const char* key, double fallback) const {
    const auto found = object_.find(key);
    if (found == object_.end()) return fallback;
    if (!found->is_number()) {
      return Fail(ErrorCode::kCorrupt, name_ + ": \"" + key + "\" is no number");
    }
    return found->get<double>();
  }
  bool Flag(const char* key) const {
    const auto found = object_.find(key);
    return found != object_.end() && found->is_boolean() && found->get<bool>();
  }
  bool Has(const char* key) const { return object_.contains(key); }
  /// kUnsupported unless the setting is `expected` or absent.
  Result<void> Expect(const char* key, const char* expected) const {
    const auto found = object_.find(key);
    if (found == object_.end() || *found == expected) return {};
    return Fail(ErrorCode::kUnsupported,
                name_ + ": \"" + key + "\" is not \"" + expected + "\", the only value supported");
  }

 private:
  JsonSettings(std::string name, json object)
      : name_(std::move(name)), object_(std::move(object)) {}

  std::string name_;
  json object_;
};

bool IsThere(const std::string& folder, const char* name) {
  std::error_code error;
  return std::filesystem::exists(folder + "/" + name, error);
}

Result<void> ReadPooling(const std::string& folder, EncoderConfig* c) {
  if (!IsThere(folder, "1_Pooling/config.json")) return {};
  auto settings = JsonSettings::Read(folder, "1_Pooling/config.json");
  if (!settings) return tl::unexpected(settings.error());
  if (settings->Flag("pooling_mode_cls_token")) {
    c->pooling = Pooling::kFirstToken;
  } else if (!settings->Flag("pooling_mode_mean_tokens")) {
    return Fail(ErrorCode::kUnsupported,
                "1_Pooling/config.json: only the mean and the first token are supported");
  }
  return {};
}

/// Vectors are normalised where modules.json says so, or is not there.
Result<void> ReadModules(const std::string& folder, EncoderConfig* c) {
  if (!IsThere(folder, "modules.json")) return {};
  auto modules = formats::ReadJsonFile(folder + "/modules.json");
  if (!modules) return tl::unexpected(modules.error());
  c->normalize = false;
  if (!modules->is_array()) return Fail(ErrorCode::kCorrupt, "modules.json is no list");
  for (const json& module : *modules) {
    const std::string type =
        module.is_object() && module.contains("type") && module["type"].is_string()
            ? module["type"].get<std::string>()
            : "";
    const std::string last = type.substr(type.rfind('.') + 1);
    c->normalize = c->normalize || last == "Normalize";
    if (last != "Transformer" && last != "Pooling" && last != "Normalize") {
      return Fail(ErrorCode::kUnsupported,
                  "modules.json: the module \"" + type + "\" is not supported");
    }
  }
  return {};
}

}  // namespace

Result<EncoderConfig> ReadEncoderConfig(const formats::GgufFile& file) {
  EncoderConfig c;
  DURE_ASSIGN(c.architecture, file.GetString("general.architecture"));
  DURE_ASSIGN(c.name, file.GetString("general.name", ""));
  const auto count = [&](const char* key, uint64_t most) -> Result<int> {
    const std::string name = c.architecture + "." + key;
    auto value = file.GetUint(name);
    if (!value) return tl::unexpected(value.error());
    return CheckCount("the model file's " + name, *value, most);
  };
  DURE_ASSIGN(c.layers, count("block_count", kMaxLayers));
  DURE_ASSIGN(c.width, count("embedding_length", kMaxWidth));
  DURE_ASSIGN(c.ff_width, count("feed_forward_length", kMaxFfWidth));
  DURE_ASSIGN(c.context_length, count("context_length", kMaxContext));
  DURE_ASSIGN(c.heads, count("attention.head_count", kMaxHeads));
  DURE_CHECK_RESULT(CheckHeads(&c));
  const std::string epsilon_key = c.architecture + ".attention.layer_norm_epsilon";
  double epsilon = 0;
  DURE_ASSIGN(epsilon, file.GetFloat(epsilon_key));
  DURE_ASSIGN(c.norm_epsilon, CheckEpsilon("the model file's " + epsilon_key, epsilon));
  const std::string pooling_key = c.architecture + ".pooling_type";
  uint64_t pooling = 0;
  DURE_ASSIGN(pooling, file.GetUint(pooling_key, kMeanPooling));
  if (pooling > kFirstTokenPooling) {
    return Fail(ErrorCode::kUnsupported, "the model file's " + pooling_key + " is " +
                                             std::to_string(pooling) + ", which is not supported");
  }
  static_assert(kNoPooling < kMeanPooling);  // without a pooling of its own: the mean
  c.pooling = pooling == kFirstTokenPooling ? Pooling::kFirstToken : Pooling::kMean;
  const auto* tokens = file.FindStrings("tokenizer.ggml.tokens");
  if (tokens == nullptr) return Fail(ErrorCode::kCorrupt, "the model file has no vocabulary");
  DURE_ASSIGN(c.vocab_size,
              CheckCount("the model file's vocabulary", tokens->size(), kMaxVocabulary));
  return c;
}

Result<EncoderConfig> ReadEncoderFolder(const std::string& folder) {
  auto settings = JsonSettings::Read(folder, "config.json");
  if (!settings) return tl::unexpected(settings.error());
  EncoderConfig c;
  c.architecture = "bert";
  c.name = std::filesystem::path(folder).filename().string();
  DURE_CHECK_RESULT(settings->Expect("model_type", "bert"));
  DURE_CHECK_RESULT(settings->Expect("hidden_act", "gelu"));
  DURE_CHECK_RESULT(settings->Expect("position_embedding_type", "absolute"));
  DURE_ASSIGN(c.layers, settings->Count("num_hidden_layers", kMaxLayers));
  DURE_ASSIGN(c.width, settings->Count("hidden_size", kMaxWidth));
  DURE_ASSIGN(c.ff_width, settings->Count("intermediate_size", kMaxFfWidth));
  DURE_ASSIGN(c.context_length, settings->Count("max_position_embeddings", kMaxContext));
  DURE_ASSIGN(c.heads, settings->Count("num_attention_heads", kMaxHeads));
  DURE_ASSIGN(c.vocab_size, settings->Count("vocab_size", kMaxVocabulary));
  DURE_CHECK_RESULT(CheckHeads(&c));
  double epsilon = 0;
  DURE_ASSIGN(epsilon, settings->Number("layer_norm_eps", 1e-12));
  DURE_ASSIGN(c.norm_epsilon, CheckEpsilon("config.json: \"layer_norm_eps\"", epsilon));
  DURE_CHECK_RESULT(ReadPooling(folder, &c));
  DURE_CHECK_RESULT(ReadModules(folder, &c));
  return c;
}

}  // namespace dure::models
