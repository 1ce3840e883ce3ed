// The program `dure`: parses the command line, runs one subcommand, reports its error.
#include <algorithm>
#include <exception>
#include <iostream>
#include <new>
#include <string>

#include "main/commands.h"

namespace dure {
namespace {

constexpr int kExitFailure = 1;  // the command could not do what was asked
constexpr int kExitUsage = 2;    // the command line itself is wrong

constexpr char kDescription[] =
    "Dure: an open ChatGPT that you own and can check.\n"
    "It runs open models on this machine, without an account and without a network.";

constexpr char kFooter[] =
    "First steps:\n"
    "  dure pull qwen2.5-coder-0.5b   fetch a small model that speaks English and Korean\n"
    "  dure serve                     open the chat page in a browser\n"
    "  dure chat                      or talk right here\n"
    "`dure COMMAND --help` explains one command with an example.";

/// One line, whatever the message holds, so that scripts can rely on it.
int Report(std::string message, int status) {
  std::replace(message.begin(), message.end(), '\n', ' ');
  std::cerr << "dure: " << message << std::endl;
  return status;
}

void RegisterCommands(CLI::App& app, CommandContext& context) {
  RegisterServe(app, context);
  RegisterChat(app, context);
  RegisterRun(app, context);
  RegisterUser(app, context);
  RegisterKey(app, context);
  RegisterPull(app, context);
  RegisterModels(app, context);
  RegisterDoctor(app, context);
  RegisterBench(app, context);
  RegisterGenerate(app, context);
  RegisterScore(app, context);
  RegisterTokenize(app, context);
  RegisterTemplate(app, context);
  RegisterAccept(app, context);
  RegisterPerplexity(app, context);
  RegisterEval(app, context);
}

int Run(int argc, char** argv) {
  CLI::App app(kDescription, "dure");
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("dure ") + DURE_VERSION);
  app.require_subcommand(1);
  CommandContext context;
  RegisterCommands(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& request) {  // --help and --version end parsing this way
    return app.exit(request);
  } catch (const CLI::ParseError& error) {
    return Report(std::string(error.what()) + " (see `dure --help`)", kExitUsage);
  }
  if (!context.outcome) return Report(context.outcome.error().message, kExitFailure);
  std::cout.flush();
  if (!std::cout) return Report("standard output could not be written", kExitFailure);
  return 0;
}

}  // namespace
}  // namespace dure

int main(int argc, char** argv) {
  try {
    return dure::Run(argc, argv);
  } catch (const std::bad_alloc&) {
    return dure::Report("out of memory", dure::kExitFailure);
  } catch (const std::exception& error) {
    return dure::Report(std::string("unexpected: ") + error.what(), dure::kExitFailure);
  }
}
