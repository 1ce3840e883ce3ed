// Where models lie and which one a command takes when none is named.
#pragma once

#include <string>

#include "base/error.h"

namespace dure {

/// $DURE_MODEL_DIR, else $XDG_CACHE_HOME/dure/models, else $HOME/.cache/dure/models.
std::string ModelFolder();

/// The file behind --model: a path, a name of the catalogue, or a file name inside the model
/// folder. Empty: the default model in that folder. Errors: kNotFound, with what to do.
Result<std::string> ResolveModelPath(const std::string& given);

}  // namespace dure
