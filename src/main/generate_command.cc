// `dure generate`: one completion with all its numbers, for scripts and checks.
#include <ctime>
#include <iostream>
#include <memory>

#include "main/answer_stream.h"
#include "main/commands.h"
#include "main/json_io.h"
#include "main/model_options.h"
#include "main/sampling_options.h"

namespace dure {
namespace {

struct Options {
  ModelOptions model;
  SamplingOptions sampling;
  std::string prompt_file;
  bool chat = false;
  bool plain = false;
  int top_logprobs = -1;
  bool ignore_eos = false;
  bool json = false;
};

Result<std::vector<engine::TokenId>> PromptTokens(const Options& options,
                                                  const providers::ChatFormat& format) {
  const auto prompt = ReadFile(options.prompt_file);
  if (!prompt) return tl::unexpected(prompt.error());
  if (!options.chat) {
    return format.EncodePrompt(
        *prompt, options.plain ? text::ControlTokens::kAsText : text::ControlTokens::kParse);
  }
  providers::ChatInput chat;
  chat.messages.push_back({{"role", "user"}, {"content", *prompt}});
  chat.unix_time = std::time(nullptr);
  const auto rendered = format.Render(chat);
  if (!rendered) return tl::unexpected(rendered.error());
  return format.EncodeChat(*rendered);
}

double PerSecond(double count, double milliseconds) {
  return milliseconds > 0 ? count * 1000 / milliseconds : 0;
}

Json Timings(const engine::Usage& usage) {
  Json timings;
  timings["queue_ms"] = usage.queue_ms;
  timings["prefill_ms"] = usage.prefill_ms;
  timings["decode_ms"] = usage.decode_ms;
  timings["prefill_tokens_per_second"] = PerSecond(usage.prompt_tokens, usage.prefill_ms);
  timings["decode_tokens_per_second"] = PerSecond(usage.completion_tokens - 1, usage.decode_ms);
  return timings;
}

Result<void> Generate(const Options& options) {
  const auto local = LoadLocalModel(options.model);
  if (!local) return tl::unexpected(local.error());
  engine::GenerateRequest request;
  const auto prompt = PromptTokens(options, (*local)->format());
  if (!prompt) return tl::unexpected(prompt.error());
  request.prompt = *prompt;
  options.sampling.Apply(request);
  request.top_logprobs = options.top_logprobs;
  request.ignore_eos = options.ignore_eos;
  const auto answer = RunToEnd((*local)->engine(), std::move(request));
  if (!answer) return tl::unexpected(answer.error());
  if (!options.json) {
    std::cout << answer->text << "\n";
    return {};
  }
  Json output;
  output["prompt_tokens"] = *prompt;
  output["tokens"] = answer->tokens;
  output["text"] = answer->text;
  if (options.top_logprobs >= 0) output["logprobs"] = LogprobRows(answer->top);
  output["timings"] = Timings(answer->finish.usage);
  PrintJson(output);
  return {};
}

}  // namespace

void RegisterGenerate(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("generate", "Continue a prompt, with token ids and log-probabilities");
  command->group(kToolsGroup);
  command->footer(
      "\"tokens\" holds every generated token, the one that ended the answer included.\n"
      "Example:\n"
      "  dure generate --prompt-file question.txt --chat --max-tokens 100 --temperature 0 --json");
  AddModelOptions(*command, options->model);
  command->add_option("--prompt-file", options->prompt_file, "The prompt; - for standard input")
      ->required();
  command->add_flag("--chat", options->chat,
                    "The file is a user's message: put it through the chat template");
  command->add_flag("--plain", options->plain,
                    "Spellings of control tokens in a raw prompt are text");
  AddSamplingOptions(*command, options->sampling);
  command
      ->add_option("--top-logprobs", options->top_logprobs,
                   "Print the K most likely tokens at each position")
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--ignore-eos", options->ignore_eos, "Go on after the answer's end");
  command->add_flag("--json", options->json, "Print JSON alone");
  command->callback([options, &context] { context.outcome = Generate(*options); });
}

}  // namespace dure
