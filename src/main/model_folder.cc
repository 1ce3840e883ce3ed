#include "main/model_folder.h"

#include <filesystem>
#include <vector>

#include "formats/catalogue.h"
#include "formats/model_folder.h"

namespace dure {
namespace {

/// What is in the folder when nobody says which.
Result<std::string> DefaultModel(const std::string& folder) {
  const std::filesystem::path root(folder);
  for (const formats::CatalogueEntry& entry : formats::BuiltInCatalogue()) {
    std::error_code ignored;
    if (std::filesystem::is_regular_file(root / entry.file_name, ignored)) {
      return (root / entry.file_name).string();
    }
  }
  std::vector<std::string> files;
  for (const formats::ModelFile& file : formats::ListModels(folder)) {
    if (file.file_name.ends_with(".gguf")) files.push_back(file.file_name);
  }
  if (files.size() == 1) return (root / files.front()).string();
  if (!files.empty()) {
    return Fail(ErrorCode::kNotFound, "several models in " + folder + ": name one with --model");
  }
  return Fail(ErrorCode::kNotFound, "no model in " + folder + ": run `dure pull " +
                                        formats::BuiltInCatalogue().front().name +
                                        "` first, or name a GGUF file with --model");
}

}  // namespace

Result<std::string> ResolveModelPath(const std::string& given) {
  const auto folder = formats::DefaultModelFolder();
  if (!folder) return tl::unexpected(folder.error());
  return given.empty() ? DefaultModel(*folder) : formats::FindModel(*folder, given);
}

}  // namespace dure
