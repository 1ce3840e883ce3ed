// The architectures this program knows, by the name in general.architecture.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "models/model.h"

namespace dure::numerics {
struct Kernels;
}

namespace dure::models {

struct LoadOptions {
  const numerics::Kernels* kernels = nullptr;            // nullptr: numerics::ChooseKernels()
  ThreadTeam* team = nullptr;                            // required; must outlive the model
  std::function<void(const LoadProgress&)> on_progress;  // called from the loading thread
  // Positions the model will be used with at most; 0: as many as it was trained for. Models with
  // two sets of rope factors (LongRoPE) take the long set when this exceeds their original context.
  int context_length = 0;
};

/// Reads, checks and re-lays all weights. The file is not needed afterwards.
/// Errors: kUnsupported (architecture, tensor type; named), kCorrupt (missing or misshapen tensor,
/// non-finite scale; named).
Result<std::unique_ptr<Model>> LoadModel(const formats::GgufFile& file, const LoadOptions& options);

/// Reads only the metadata: what LoadModel would find in config().
Result<ModelConfig> ReadConfig(const formats::GgufFile& file);

std::vector<std::string> SupportedArchitectures();

}  // namespace dure::models
