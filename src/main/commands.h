// The subcommands of `dure`, one file each. A command declares its options on the CLI11 app it is
// given and leaves a callback there; main.cc parses, prints the outcome's error as one line and
// turns it into the exit status.
#pragma once

#include <CLI/CLI.hpp>

#include "base/error.h"

namespace dure {

/// What the chosen command left behind. stdout belongs to the command's result (JSON alone with
/// --json); everything else, progress included, goes to stderr.
struct CommandContext {
  Result<void> outcome;
};

/// Headings of `dure --help`, in the order of the page.
inline constexpr char kEverydayGroup[] = "Everyday";
inline constexpr char kServerGroup[] = "Accounts of a server";
inline constexpr char kModelsGroup[] = "Models";
inline constexpr char kToolsGroup[] = "For scripts and checks";

void RegisterServe(CLI::App& app, CommandContext& context);
void RegisterChat(CLI::App& app, CommandContext& context);
void RegisterRun(CLI::App& app, CommandContext& context);
void RegisterDoctor(CLI::App& app, CommandContext& context);
void RegisterModels(CLI::App& app, CommandContext& context);
void RegisterUser(CLI::App& app, CommandContext& context);
void RegisterKey(CLI::App& app, CommandContext& context);
void RegisterPull(CLI::App& app, CommandContext& context);
void RegisterBench(CLI::App& app, CommandContext& context);
void RegisterGenerate(CLI::App& app, CommandContext& context);
void RegisterScore(CLI::App& app, CommandContext& context);
void RegisterTokenize(CLI::App& app, CommandContext& context);
void RegisterTemplate(CLI::App& app, CommandContext& context);
void RegisterEval(CLI::App& app, CommandContext& context);
void RegisterAccept(CLI::App& app, CommandContext& context);
void RegisterPerplexity(CLI::App& app, CommandContext& context);

}  // namespace dure
