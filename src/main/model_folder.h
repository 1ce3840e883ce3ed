// Which model file a command takes.
#pragma once

#include <string>

#include "base/error.h"

namespace dure {

/// The file behind --model: a path, a name of the catalogue or a file name in the model folder.
/// Empty: the first model of the catalogue that is in the folder, else the only GGUF file in it.
/// Errors: kNotFound, with what to do.
Result<std::string> ResolveModelPath(const std::string& given);

}  // namespace dure
