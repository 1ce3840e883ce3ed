// The options that every command with a model shares, and loading it with progress on stderr.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "base/error.h"
#include "providers/chat_format.h"
#include "providers/local_model.h"

namespace dure {

struct ModelOptions {
  std::string model;    // path or name in the model folder; empty: the default model
  int threads = 0;      // 0: all cores this process may use
  int context = 0;      // tokens; 0: the model's
  uint64_t kv_mib = 0;  // 0: chosen by the engine
  numerics::CacheType kv_type = numerics::CacheType::kF16;
  // As in engine::EngineOptions.
  bool prefix_cache = true;
  engine::Speculation speculation = engine::Speculation::kNgram;
  double step_budget_ms = engine::EngineOptions().step_budget_ms;
};

/// --model only: for commands that need no weights.
void AddModelFileOption(CLI::App& command, ModelOptions& options);
/// An option that takes f16 or q8.
void AddKvTypeOption(CLI::App& command, const char* name, numerics::CacheType& type);
/// --model, --threads, --context, --kv-cache, --kv-type and --speculation.
void AddModelOptions(CLI::App& command, ModelOptions& options);

/// --speculation alone, for commands with options of their own.
void AddSpeculationOption(CLI::App& command, engine::Speculation& speculation);

/// Loads all; a progress line goes to stderr when that is a terminal.
/// Errors: those of ResolveModelPath and LocalModel::Load.
Result<std::unique_ptr<providers::LocalModel>> LoadLocalModel(const ModelOptions& options);

/// Loads tokenizer and chat template only.
Result<providers::ChatFormat> LoadChatFormat(const ModelOptions& options);

}  // namespace dure
