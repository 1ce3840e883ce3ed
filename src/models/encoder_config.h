// The settings of an encoder, from what its file or folder says.
#pragma once

#include <string>

#include "models/encoder.h"

namespace dure::models {

/// Reads the keys ARCH.* of a GGUF file. Errors: kCorrupt, kUnsupported; both name the key.
Result<EncoderConfig> ReadEncoderConfig(const formats::GgufFile& file);

/// Reads the JSON files of a folder (see LoadEncoderFolder). Errors: kNotFound, kCorrupt,
/// kUnsupported; all name the file and the setting.
Result<EncoderConfig> ReadEncoderFolder(const std::string& folder);

}  // namespace dure::models
