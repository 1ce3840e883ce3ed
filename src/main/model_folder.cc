#include "main/model_folder.h"

#include <cstdlib>
#include <filesystem>

#include "formats/model_folder.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

// The default model and its small stand-in, in order of preference.
constexpr const char* kDefaultModels[] = {"qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                                          "SmolLM2-135M-Instruct.Q4_1.gguf"};

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool IsFile(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

}  // namespace

std::string ModelFolder() {
  if (std::string folder = Environment("DURE_MODEL_DIR"); !folder.empty()) return folder;
  if (std::string cache = Environment("XDG_CACHE_HOME"); !cache.empty()) {
    return cache + "/dure/models";
  }
  return Environment("HOME") + "/.cache/dure/models";
}

Result<std::string> ResolveModelPath(const std::string& given) {
  if (!given.empty()) return formats::FindModel(ModelFolder(), given);
  const fs::path folder = ModelFolder();
  for (const char* name : kDefaultModels) {
    if (fs::path path = folder / name; IsFile(path)) return path.string();
  }
  return Fail(ErrorCode::kNotFound, "no model in " + folder.string() +
                                        ": run `dure pull qwen2.5-coder-0.5b` first, or name a "
                                        "GGUF file with --model");
}

}  // namespace dure
