// `dure run "prompt"`: one answer on standard output.
#include <iostream>
#include <memory>

#include "main/chat_turn.h"
#include "main/commands.h"
#include "main/json_io.h"
#include "main/model_options.h"
#include "main/sampling_options.h"

namespace dure {
namespace {

struct Options {
  ModelOptions model;
  SamplingOptions sampling;
  std::string prompt;
  std::string system;
  bool raw = false;
  bool json = false;
};

Result<std::vector<engine::TokenId>> Prompt(const Options& options,
                                            const providers::ChatFormat& format) {
  std::string prompt = options.prompt;
  if (prompt == "-") {
    auto input = ReadFile("-");
    if (!input) return tl::unexpected(input.error());
    prompt = std::move(*input);
  }
  if (options.raw) return format.EncodePrompt(prompt, text::ControlTokens::kParse);
  Json messages = Json::array();
  if (!options.system.empty()) {
    messages.push_back({{"role", "system"}, {"content", options.system}});
  }
  messages.push_back({{"role", "user"}, {"content", prompt}});
  return ChatPrompt(format, messages);
}

Result<void> RunOnce(const Options& options) {
  const auto local = LoadLocalModel(options.model);
  if (!local) return tl::unexpected(local.error());
  const auto prompt = Prompt(options, (*local)->format());
  if (!prompt) return tl::unexpected(prompt.error());
  const auto answer =
      StreamAnswer(**local, *prompt, options.sampling, nullptr, [&](const std::string& text) {
        if (!options.json) std::cout << text << std::flush;
      });
  if (!answer) return tl::unexpected(answer.error());
  if (!options.json) {
    std::cout << "\n";
    return {};
  }
  Json output;
  output["model"] = (*local)->id();
  output["text"] = answer->text;
  output["finish_reason"] = FinishReasonName(answer->finish.reason);
  output["prompt_tokens"] = answer->finish.usage.prompt_tokens;
  output["completion_tokens"] = answer->finish.usage.completion_tokens;
  PrintJson(output);
  return {};
}

}  // namespace

void RegisterRun(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("run", "Ask one question, get one answer");
  command->group(kEverydayGroup);
  command->footer("Example:\n  dure run \"Why is the sky blue?\"");
  command->add_option("prompt", options->prompt, "What to ask; - for standard input")->required();
  AddModelOptions(*command, options->model);
  command->add_option("--system", options->system, "Instructions that stand before the question");
  command->add_flag("--raw", options->raw,
                    "Continue the prompt as it stands, without the chat template (base models)");
  AddSamplingOptions(*command, options->sampling);
  command->add_flag("--json", options->json, "Print JSON alone");
  command->callback([options, &context] { context.outcome = RunOnce(*options); });
}

}  // namespace dure
