// `dure template`: a chat as the model's own template renders it.
#include <ctime>
#include <iostream>
#include <memory>

#include "main/commands.h"
#include "main/json_io.h"
#include "main/model_options.h"

namespace dure {
namespace {

struct Options {
  ModelOptions model;
  bool no_generation_prompt = false;
  bool json = false;
};

Result<void> RenderTemplate(const Options& options) {
  const auto format = LoadChatFormat(options.model);
  if (!format) return tl::unexpected(format.error());
  const auto input = ReadJsonInput();
  if (!input) return tl::unexpected(input.error());
  if (!input->is_object() || !input->contains("messages") || !(*input)["messages"].is_array()) {
    return Fail(ErrorCode::kInvalidArgument,
                "standard input must be an object with an array \"messages\"");
  }
  providers::ChatInput chat;
  chat.messages = (*input)["messages"];
  if (input->contains("tools")) chat.tools = (*input)["tools"];
  if (input->contains("chat_template_kwargs")) {
    chat.template_arguments = (*input)["chat_template_kwargs"];
  }
  chat.add_generation_prompt = !options.no_generation_prompt;
  chat.unix_time = std::time(nullptr);
  const auto prompt = format->Render(chat);
  if (!prompt) return tl::unexpected(prompt.error());
  if (options.json) {
    Json output;
    output["prompt"] = prompt->text;
    PrintJson(output);
  } else {
    std::cout << prompt->text;
  }
  return {};
}

}  // namespace

void RegisterTemplate(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("template", "Show a chat as the model will read it");
  command->group(kToolsGroup);
  command->footer(
      "Standard input is {\"messages\": [...], \"tools\": [...]} as in OpenAI's API.\n"
      "Example:\n"
      "  echo '{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}' | dure template");
  AddModelFileOption(*command, options->model);
  command->add_flag("--no-generation-prompt", options->no_generation_prompt,
                    "Leave out the opening of the assistant's answer");
  command->add_flag("--json", options->json, "Print JSON alone: {\"prompt\": ...}");
  command->callback([options, &context] { context.outcome = RenderTemplate(*options); });
}

}  // namespace dure
