// Where model files lie on this machine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace dure::formats {

/// $DURE_MODEL_DIR, else $XDG_CACHE_HOME/dure/models, else ~/.cache/dure/models. kInvalidArgument
/// when none of these variables nor HOME is set. The folder need not exist.
Result<std::string> DefaultModelFolder();

struct ModelFile {
  std::string file_name;
  uint64_t bytes;
};

/// The .gguf and .safetensors files of the folder by name; empty when it does not exist.
std::vector<ModelFile> ListModels(const std::string& folder);

/// The path of a model given as a path, as a name of the catalogue, or as a file name in the folder
/// (".gguf" may be left out), or the folder of an embedding model (with a model.safetensors),
/// likewise. kNotFound says what to do.
Result<std::string> FindModel(const std::string& folder, const std::string& given);

}  // namespace dure::formats
