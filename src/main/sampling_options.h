// Command-line options for how tokens are chosen.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace dure {

struct SamplingOptions {
  engine::SamplingParams params;
  int max_tokens = -1;
  std::vector<std::string> stop;

  /// Puts them into a request.
  void Apply(engine::GenerateRequest& request) const {
    request.sampling = params;
    request.max_tokens = max_tokens;
    request.stop = stop;
  }
};

/// --max-tokens, --temperature, --seed, --stop and the truncations and penalties. Ranges are
/// checked by the engine.
void AddSamplingOptions(CLI::App& command, SamplingOptions& options);

}  // namespace dure
