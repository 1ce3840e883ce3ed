#include "models/rope_scaling.h"

#include <algorithm>
#include <cmath>

#include "formats/gguf.h"
#include "models/load_macros.h"
#include "numerics/scalar_math.h"

namespace dure::models {
namespace {

// Bounds on what a file may ask for, far beyond any published model.
constexpr double kMostScaling = 1e6;
constexpr double kPi = 3.14159265358979323846;

/// A number in [least, most] under `key`, or `fallback` where the file has none.
Result<double> ReadNumber(const formats::GgufFile& file, const std::string& key, double fallback,
                          double least, double most) {
  auto value = file.GetFloat(key, fallback);
  if (!value) return tl::unexpected(value.error());
  if (!(*value >= least && *value <= most)) {
    return Fail(ErrorCode::kCorrupt, "the model file's " + key + " is out of range");
  }
  return *value;
}

/// 0.1 m ln(factor) + 1: how YaRN's paper scales attention, with m = 1.
double YarnMagnitude(double factor, double multiplier) {
  return factor <= 1 ? 1 : 0.1 * multiplier * numerics::LogDouble(factor) + 1;
}

/// The dimension whose frequency makes `turns` full turns within `context` positions.
double DimensionOfTurns(int rotated, double context, double turns, double base) {
  return rotated * numerics::LogDouble(context / (turns * 2 * kPi)) /
         (2 * numerics::LogDouble(base));
}

Result<void> ReadYarn(const formats::GgufFile& file, const std::string& prefix, RopeScaling* s) {
  DURE_ASSIGN(s->extrapolation, ReadNumber(file, prefix + "yarn_ext_factor", 1, 0, 1));
  DURE_ASSIGN(s->beta_fast, ReadNumber(file, prefix + "yarn_beta_fast", 32, 1e-6, kMostScaling));
  DURE_ASSIGN(s->beta_slow, ReadNumber(file, prefix + "yarn_beta_slow", 1, 1e-6, kMostScaling));
  double multiplier = 0;
  DURE_ASSIGN(multiplier, ReadNumber(file, prefix + "yarn_log_multiplier", 0, 0, kMostScaling));
  if (s->extrapolation == 0) {
    DURE_ASSIGN(s->magnitude, ReadNumber(file, prefix + "yarn_attn_factor", 1, 1e-6, kMostScaling));
    return {};
  }
  s->magnitude = YarnMagnitude(s->factor, 1);
  if (multiplier != 0) s->magnitude /= YarnMagnitude(s->factor, multiplier);
  return {};
}

Result<std::vector<float>> ReadFactors(WeightLoader* loader, const std::string& name, int rotated) {
  auto factors = loader->LoadVector(name, rotated / 2);
  if (!factors) return factors;
  if (std::any_of(factors->begin(), factors->end(), [](float f) { return !(f > 0); })) {
    return Fail(ErrorCode::kCorrupt, "tensor \"" + name + "\" has a factor that is not positive");
  }
  return factors;
}

}  // namespace

Result<RopeScaling> ReadRopeScaling(const formats::GgufFile& file, const ModelConfig& config,
                                    int rotated, WeightLoader* loader) {
  const std::string prefix = config.architecture + ".rope.scaling.";
  RopeScaling s;
  std::string type;
  DURE_ASSIGN(type, file.GetString(prefix + "type", "linear"));
  double old_factor = 0;
  DURE_ASSIGN(old_factor,
              ReadNumber(file, config.architecture + ".rope.scale_linear", 0, 0, kMostScaling));
  DURE_ASSIGN(s.factor, ReadNumber(file, prefix + "factor", old_factor, 0, kMostScaling));
  if (s.factor == 0 || type == "none") s.factor = 1;
  double original = 0;
  DURE_ASSIGN(original, ReadNumber(file, prefix + "original_context_length", config.context_length,
                                   1, 1 << 21));
  s.original_context = static_cast<int>(original);
  if (type == "yarn") {
    DURE_CHECK_RESULT(ReadYarn(file, prefix, &s));
  } else if (type != "none" && type != "linear" && type != "longrope") {
    return Fail(ErrorCode::kUnsupported,
                "the model file's " + prefix + "type \"" + type + "\" is not supported");
  }
  double attention_factor = 1;
  DURE_ASSIGN(attention_factor, ReadNumber(file, prefix + "attn_factor", 1, 1e-6, kMostScaling));
  s.magnitude *= attention_factor;
  const bool stretched = loader->context_length(config) > s.original_context;
  for (const std::string& name :
       {std::string("rope_freqs.weight"),
        std::string(stretched ? "rope_factors_long.weight" : "rope_factors_short.weight")}) {
    if (!loader->Has(name)) continue;
    DURE_ASSIGN(s.factors, ReadFactors(loader, name, rotated));
    break;
  }
  return s;
}

RopeTable MakeRopeTable(int rotated, double base, const RopeScaling& scaling) {
  const double log_base = numerics::LogDouble(base);
  double low = 0;
  double high = 0;
  if (scaling.extrapolation > 0) {
    const double context = scaling.original_context;
    low = std::max(0.0, std::floor(DimensionOfTurns(rotated, context, scaling.beta_fast, base)));
    high = std::min(rotated - 1.0,
                    std::ceil(DimensionOfTurns(rotated, context, scaling.beta_slow, base)));
  }
  std::vector<double> frequencies;
  for (int i = 0; i < rotated / 2; ++i) {
    double frequency = numerics::ExpDouble(-2.0 * i / rotated * log_base);
    double divided = frequency / scaling.factor;
    if (!scaling.factors.empty()) {
      frequency /= scaling.factors[i];
      divided /= scaling.factors[i];
    }
    if (scaling.extrapolation > 0) {
      const double ramp = std::clamp((i - low) / std::max(0.001, high - low), 0.0, 1.0);
      const double kept = (1 - ramp) * scaling.extrapolation;
      divided = divided * (1 - kept) + frequency * kept;
    }
    frequencies.push_back(divided);
  }
  return RopeTable(std::move(frequencies), scaling.magnitude);
}

Result<int> ReadRotatedDimensions(const formats::GgufFile& file, const ModelConfig& config) {
  const std::string key = config.architecture + ".rope.dimension_count";
  uint64_t rotated = 0;
  DURE_ASSIGN(rotated, file.GetUint(key, static_cast<uint64_t>(config.head_dim)));
  if (rotated == 0 || rotated % 2 != 0 || rotated > static_cast<uint64_t>(config.head_dim)) {
    return Fail(ErrorCode::kCorrupt, "the model file's " + key + " is " + std::to_string(rotated) +
                                         ", expected an even number up to " +
                                         std::to_string(config.head_dim));
  }
  return static_cast<int>(rotated);
}

}  // namespace dure::models
