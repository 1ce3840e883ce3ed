#include "formats/model_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "formats/catalogue.h"
#include "formats/message.h"

namespace dure::formats {
namespace {

namespace fs = std::filesystem;

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

bool IsFile(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

}  // namespace

Result<std::string> DefaultModelFolder() {
  if (std::string folder = Variable("DURE_MODEL_DIR"); !folder.empty()) return folder;
  if (const std::string cache = Variable("XDG_CACHE_HOME"); !cache.empty()) {
    return cache + "/dure/models";
  }
  if (const std::string home = Variable("HOME"); !home.empty()) {
    return home + "/.cache/dure/models";
  }
  return Fail(ErrorCode::kInvalidArgument,
              "no place for models: set DURE_MODEL_DIR to a folder, or HOME");
}

std::vector<ModelFile> ListModels(const std::string& folder) {
  std::vector<ModelFile> models;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const fs::path& path = it->path();
    if (!IsFile(path) || (path.extension() != ".gguf" && path.extension() != ".safetensors")) {
      continue;
    }
    std::error_code gone;
    const uint64_t bytes = fs::file_size(path, gone);
    if (!gone) models.push_back({path.filename().string(), bytes});
  }
  std::sort(models.begin(), models.end(),
            [](const ModelFile& a, const ModelFile& b) { return a.file_name < b.file_name; });
  return models;
}

Result<std::string> FindModel(const std::string& folder, const std::string& given) {
  if (given.empty()) return Fail(ErrorCode::kInvalidArgument, "the name of a model is empty");
  if (IsFile(given) || IsFile(fs::path(given) / "model.safetensors")) return given;
  const CatalogueEntry* entry = FindInCatalogue(given);
  if (entry != nullptr) {
    if (const fs::path path = fs::path(folder) / entry->file_name; IsFile(path)) {
      return path.string();
    }
    return Fail(
        ErrorCode::kNotFound,
        fmt::format("{} is not on this machine yet; run: dure pull {}", entry->name, entry->name));
  }
  if (given.find('/') == std::string::npos) {
    for (const char* extension : {"", ".gguf"}) {
      if (const fs::path path = fs::path(folder) / (given + extension); IsFile(path)) {
        return path.string();
      }
    }
    if (const fs::path path = fs::path(folder) / given; IsFile(path / "model.safetensors")) {
      return path.string();
    }
  }
  return Fail(ErrorCode::kNotFound,
              fmt::format("no model {}: neither a file, nor a name that `dure models` lists, nor "
                          "in {}",
                          Quoted(given, 200), folder));
}

}  // namespace dure::formats
