// `dure score`: what the model thinks of given tokens.
#include <iostream>
#include <memory>

#include "main/answer_stream.h"
#include "main/commands.h"
#include "main/json_io.h"
#include "main/model_options.h"

namespace dure {
namespace {

struct Options {
  ModelOptions model;
  int top_logprobs = 5;
  bool json = false;
};

Result<void> Score(const Options& options) {
  const auto input = ReadJsonInput();
  if (!input) return tl::unexpected(input.error());
  const auto prompt = TokenArray(*input, "prompt_tokens");
  if (!prompt) return tl::unexpected(prompt.error());
  const auto tokens = TokenArray(*input, "tokens");
  if (!tokens) return tl::unexpected(tokens.error());
  if (tokens->empty()) return Fail(ErrorCode::kInvalidArgument, "\"tokens\" is empty");
  const auto local = LoadLocalModel(options.model);
  if (!local) return tl::unexpected(local.error());

  engine::GenerateRequest request;
  request.prompt = *prompt;
  request.forced = *tokens;
  request.top_logprobs = options.top_logprobs;
  const auto answer = RunToEnd((*local)->engine(), std::move(request));
  if (!answer) return tl::unexpected(answer.error());
  if (options.json) {
    Json output;
    output["logprobs"] = LogprobRows(answer->top);
    PrintJson(output);
    return {};
  }
  for (size_t i = 0; i < answer->tokens.size(); ++i) {
    std::cout << answer->tokens[i] << " " << answer->logprobs[i] << "\n";
  }
  return {};
}

}  // namespace

void RegisterScore(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("score", "Log-probabilities along given tokens (teacher forcing)");
  command->group(kToolsGroup);
  command->footer(
      "Standard input is {\"prompt_tokens\": [...], \"tokens\": [...]}; the numbers are the same "
      "bits that\n`dure generate` gives on the way.\n"
      "Example:\n"
      "  echo '{\"prompt_tokens\": [1, 2], \"tokens\": [3, 4]}' | dure score --top-logprobs 5 "
      "--json");
  AddModelOptions(*command, options->model);
  command
      ->add_option("--top-logprobs", options->top_logprobs,
                   "The K most likely tokens at each position")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_flag("--json", options->json, "Print JSON alone: {\"logprobs\": ...}");
  command->callback([options, &context] { context.outcome = Score(*options); });
}

}  // namespace dure
