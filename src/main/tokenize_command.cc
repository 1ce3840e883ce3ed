// `dure tokenize`: texts to token ids.
#include <iostream>
#include <memory>

#include "main/commands.h"
#include "main/json_io.h"
#include "main/model_options.h"

namespace dure {
namespace {

struct Options {
  ModelOptions model;
  bool special = false;
  bool json = false;
};

Result<void> Tokenize(const Options& options) {
  const auto format = LoadChatFormat(options.model);
  if (!format) return tl::unexpected(format.error());
  const auto input = ReadJsonInput();
  if (!input) return tl::unexpected(input.error());
  if (!input->is_array()) {
    return Fail(ErrorCode::kInvalidArgument, "standard input must be a JSON array of strings");
  }
  const auto control = options.special ? text::ControlTokens::kParse : text::ControlTokens::kAsText;
  Json output = Json::array();
  for (const Json& item : *input) {
    if (!item.is_string()) {
      return Fail(ErrorCode::kInvalidArgument, "standard input must be a JSON array of strings");
    }
    output.push_back(format->tokenizer().Encode(item.get<std::string>(), control));
  }
  if (options.json) {
    PrintJson(output);
    return {};
  }
  for (const Json& ids : output) {
    for (size_t i = 0; i < ids.size(); ++i) std::cout << (i == 0 ? "" : " ") << ids[i];
    std::cout << "\n";
  }
  return {};
}

}  // namespace

void RegisterTokenize(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("tokenize", "Turn texts into token ids");
  command->group(kToolsGroup);
  command->footer(
      "Standard input is a JSON array of strings. No BOS is added.\n"
      "Example:\n  echo '[\"Hello\", \"안녕\"]' | dure tokenize --json");
  AddModelFileOption(*command, options->model);
  command->add_flag("--special", options->special,
                    "Let spellings of control tokens (<|im_end|>) become these tokens");
  command->add_flag("--json", options->json, "Print JSON alone: an array of arrays of ids");
  command->callback([options, &context] { context.outcome = Tokenize(*options); });
}

}  // namespace dure
