#include "models/window_pattern.h"

#include "formats/gguf.h"
#include "models/load_macros.h"

namespace dure::models {
namespace {

/// One flag a layer, as booleans or integers; nothing when the key holds no array.
std::vector<bool> FlagsOf(const formats::GgufValue& value) {
  std::vector<bool> flags;
  const auto* array = std::get_if<formats::GgufArray>(&value.value);
  if (array == nullptr) return flags;
  const auto take = [&](const auto& values) {
    for (const auto v : values) flags.push_back(v != 0);
  };
  if (const auto* bools = std::get_if<std::vector<bool>>(array)) return *bools;
  if (const auto* unsigneds = std::get_if<std::vector<uint64_t>>(array)) take(*unsigneds);
  if (const auto* integers = std::get_if<std::vector<int64_t>>(array)) take(*integers);
  return flags;
}

}  // namespace

Result<std::vector<bool>> ReadWindowPattern(const formats::GgufFile& file,
                                            const ModelConfig& config, int pattern) {
  const auto layers = static_cast<size_t>(config.layers);
  if (config.sliding_window == 0) return std::vector<bool>(layers, false);
  const std::string key = config.architecture + ".attention.sliding_window_pattern";
  const formats::GgufValue* value = file.Find(key);
  if (value != nullptr && std::holds_alternative<formats::GgufArray>(value->value)) {
    std::vector<bool> flags = FlagsOf(*value);
    if (flags.size() < layers) {
      return Fail(ErrorCode::kCorrupt, "the model file's " + key + " has " +
                                           std::to_string(flags.size()) + " flags for " +
                                           std::to_string(layers) + " layers");
    }
    flags.resize(layers);
    return flags;
  }
  uint64_t every = 0;
  DURE_ASSIGN(every, file.GetUint(key, static_cast<uint64_t>(pattern)));
  std::vector<bool> flags(layers);
  for (size_t i = 0; i < layers; ++i) flags[i] = every == 0 || i % every < every - 1;
  return flags;
}

}  // namespace dure::models
