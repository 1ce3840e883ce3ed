#include "models/registry.h"

#include "formats/gguf.h"
#include "models/architectures.h"
#include "models/decoder.h"
#include "models/encoder.h"

namespace dure::models {
namespace {

struct Architecture {
  const char* name;  // general.architecture
  Result<std::unique_ptr<Model>> (*load)(const formats::GgufFile&, const LoadOptions&);
};

constexpr Architecture kArchitectures[] = {
    {"llama", LoadLlama},   {"mistral3", LoadMistral3}, {"qwen2", LoadQwen2},
    {"qwen3", LoadQwen3},   {"qwen3moe", LoadQwen3Moe}, {"gemma2", LoadGemma2},
    {"gemma3", LoadGemma3}, {"phi3", LoadPhi3},         {"gpt-oss", LoadGptOss},
};

Result<const Architecture*> FindArchitecture(const formats::GgufFile& file) {
  auto name = file.GetString("general.architecture");
  if (!name) return tl::unexpected(name.error());
  for (const Architecture& architecture : kArchitectures) {
    if (*name == architecture.name) return &architecture;
  }
  if (IsEncoder(file)) {
    return Fail(ErrorCode::kUnsupported,
                "the model is an encoder (\"" + *name + "\"): it gives vectors and no text");
  }
  std::string known;
  for (const std::string& each : SupportedArchitectures()) {
    known += known.empty() ? each : ", " + each;
  }
  return Fail(ErrorCode::kUnsupported,
              "the model's architecture \"" + *name + "\" is not supported; known are " + known);
}

}  // namespace

Result<std::unique_ptr<Model>> LoadModel(const formats::GgufFile& file,
                                         const LoadOptions& options) {
  auto architecture = FindArchitecture(file);
  if (!architecture) return tl::unexpected(architecture.error());
  return (*architecture)->load(file, options);
}

Result<ModelConfig> ReadConfig(const formats::GgufFile& file) {
  auto architecture = FindArchitecture(file);
  if (!architecture) return tl::unexpected(architecture.error());
  return ReadDecoderConfig(file);
}

std::vector<std::string> SupportedArchitectures() {
  std::vector<std::string> names;
  for (const Architecture& architecture : kArchitectures) names.emplace_back(architecture.name);
  return names;
}

}  // namespace dure::models
